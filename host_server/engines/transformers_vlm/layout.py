"""How weights lie in memory, so that few rows at once are multiplied as quickly as one.

On a CPU, float32 times a weight that lies as (out, in), as every checkpoint has it, is slow for 4 to 16 rows: two to
three times as slow as with the same weight laid out as (in, out), while one row costs the same in both. Measured with
torch 2.13 (MKL, AVX-512), 1024 x 1024 to 3072 x 1024, in milliseconds:

    rows       1     2     4     8     16
    (out, in)  0.45  0.45  0.89  1.37  1.70
    (in, out)  0.44  0.56  0.57  0.57  0.95

The layer that gives the logits is left alone: it is so wide that one row is slower that way.
"""

from typing import Any

import torch

from host_server.engines.transformers_vlm.loaded import Loaded

__all__ = ["lay_out_for_rows"]


def lay_out_for_rows(loaded: Loaded) -> None:
    """Turn the weights of the language model's layers where that helps. Shapes and values stay what they are."""
    if loaded.device.type != "cpu" or loaded.dtype != torch.float32:
        return
    decoder: Any = loaded.model.get_decoder()
    for module in decoder.modules():
        if type(module) is torch.nn.Linear:  # quantised ones are of other classes
            module.weight.data = module.weight.data.t().contiguous().t()
