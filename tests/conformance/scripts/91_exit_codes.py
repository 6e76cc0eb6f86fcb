"""`sys.exit` with numbers, texts and nothing."""
# points: 8
# online:

import sys
from typing import Any

from conformance import again, wandb

if len(sys.argv) > 1:
    run = wandb.init(id=f"c91-{sys.argv[1]}", name=sys.argv[1])
    run.log({"x": 1})
    codes: dict[str, Any] = {"zero": 0, "three": 3, "text": "some text", "none": None, "true": True, "large": 300}
    sys.exit(codes[sys.argv[1]])
else:
    for word, code in (("zero", 0), ("three", 3), ("text", 1), ("none", 0), ("true", 1), ("large", 44)):
        again(word, code=code)
