"""Sounds of arrays and files, in mono and stereo, alone and in lists."""
# points: 12

import numpy as np
import soundfile
from conformance import tried, wandb

rng = np.random.default_rng(137)
time = np.linspace(0, 1, 800)
tone = np.sin(2 * np.pi * 44 * time)
run = wandb.init(id="c137", name="audio")
run.log(
    {
        "tone": wandb.Audio(tone, sample_rate=800),
        "single": wandb.Audio((tone * 1.5).astype(np.float32), sample_rate=8000, caption="clipped"),
    }
)
run.log({"stereo": wandb.Audio(np.stack([tone, -tone], axis=1), sample_rate=800), "list": wandb.Audio([0.0, 0.5, -0.5], sample_rate=8000)})
run.log({"int16": wandb.Audio(rng.integers(-30000, 30000, 500).astype(np.int16), sample_rate=44100)})
run.log({"int32": wandb.Audio(rng.integers(-(2**31), 2**31, 500).astype(np.int32), sample_rate=44100)})
soundfile.write("given.wav", tone, 800)
run.log({"file": wandb.Audio("given.wav", caption="a file")})
run.log({"several": [wandb.Audio(tone, sample_rate=800, caption="one"), wandb.Audio(tone[:400], sample_rate=400)]})
run.log({"plain": [wandb.Audio(tone, sample_rate=800), wandb.Audio("given.wav")]})
for what, arguments, words in (
    ("no rate", (tone,), {}),
    ("no file", ("missing.wav",), {}),
    ("text in it", (["a"],), {"sample_rate": 1}),
):
    with tried(what):
        wandb.Audio(*arguments, **words)
run.finish()
