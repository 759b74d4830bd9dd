"""What a training run reports, as a CSV file and for TensorBoard."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter


class Metrics:
    """What a run reports: ``metrics.csv``, a row each time, and TensorBoard's event files.

    Args:
        out: The run's folder; rows after ``step``, of a run that was cut off, are dropped.
        step: Where the run goes on.
    """

    def __init__(self, out: Path, step: int):
        self.file, self.rows = out / "metrics.csv", []
        if self.file.exists():
            with self.file.open(newline="") as handle:
                self.rows = [row for row in csv.DictReader(handle) if int(row["step"]) <= step]
        self.board = SummaryWriter(str(out), purge_step=step + 1)

    def add(self, step: int, row: Mapping[str, float]) -> None:
        """One row; columns may come in later."""
        self.rows.append({"step": step} | {name: f"{value:.6g}" for name, value in row.items()})
        columns = dict.fromkeys(name for row in self.rows for name in row)
        with self.file.open("w", newline="") as handle:
            writer = csv.DictWriter(handle, list(columns))
            writer.writeheader()
            writer.writerows(self.rows)
        for name, value in row.items():
            self.board.add_scalar(name, value, step)

    def close(self) -> None:
        """Write out what TensorBoard holds back."""
        self.board.close()
