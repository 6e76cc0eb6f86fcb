"""Figures of Plotly, wrapped and as they are."""
# points: 12

import plotly.graph_objects as go
from conformance import tried, wandb

run = wandb.init(id="c142", name="plotly")
figure = go.Figure(data=[go.Scatter(x=[1, 2, 3], y=[4.5, 1e-7, 2], name="ü")], layout={"title": {"text": "a title"}})
run.log({"wrapped": wandb.Plotly(figure), "plain": figure})
run.log({"deep/figure": figure, "x": 1})
run.log({"again": wandb.Plotly(go.Figure(data=[go.Bar(x=["a", "b"], y=[1, 2])]))})
with tried("a number"):
    wandb.Plotly(3)
run.finish()
