"""
Several processes: does a step still see one environment?
=========================================================

With several processes the optimiser follows the average of all their gradients. If one process is
in the north and the other in the south, the step is in both, and what was one environment at a time
has become a mixture again.
"""

# %%
# The script for ``torchrun`` is short. What it needs besides ``DistributedDataParallel`` is to
# build the sampler after the processes have met:
#
# .. literalinclude:: ../../../examples/gallery/networks/train_on_processes.py
#    :language: python
#    :start-after: SITES =
#
# We start it on two processes, and collect what each saw.
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

script = Path("train_on_processes.py").resolve()
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
processes = [
    subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "RANK": str(rank),
            "WORLD_SIZE": "2",
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
        },
    )
    for rank in range(2)
]
found = [json.loads(process.communicate()[0].splitlines()[-1]) for process in processes]
print(found[0]["verdicts"])

# %%
# Each column is a step, each band a process, each colour the environment of its rows.
import matplotlib.pyplot as plt

colours = {"north": "C0", "south": "C1", "west": "C2"}
fig, axes = plt.subplots(2, 1, figsize=(8, 3.6), layout="constrained")
for ax, name in zip(axes, found[0]["seen"], strict=True):
    for process in found:
        for step, batch in enumerate(process["seen"][name][:9]):
            bottom = 1.0 - process["rank"]
            for site, colour in colours.items():
                height = 0.9 * batch.count(site) / len(batch)
                ax.bar(step, height, bottom=bottom, color=colour, width=0.9)
                bottom += height
    ax.set_yticks([0.45, 1.45], ["process 1", "process 0"])
    ax.set_xticks(range(9))
    ax.set_title(f"{name}: {found[0]['verdicts'][name]}", fontsize=10)
axes[1].set_xlabel("step")
for site, colour in colours.items():
    axes[0].bar(0, 0, color=colour, label=site)
fig.legend(frameon=False, loc="outside right upper")

# %%
# **What to take away.** Build :class:`~elinvar.neural.EnvironmentBatchSampler` after
# ``init_process_group``, and let :func:`~elinvar.neural.audit` look before a long run starts.
