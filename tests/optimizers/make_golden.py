"""Writes `torch_sgd.json`, the numbers of torch's SGD; needs torch, but not kerasnn.

pip install torch && python tests/optimizers/make_golden.py
"""

import json
import pathlib

from tests.optimizers.sgd_cases import ARGUMENTS, by_torch, name_of


def main():
    import torch

    golden = {"torch": torch.__version__}
    golden |= {name_of(arguments): by_torch(arguments) for arguments in ARGUMENTS}
    lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in golden.items()]
    path = pathlib.Path(__file__).with_name("torch_sgd.json")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
