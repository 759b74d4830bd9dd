"""Sharpens phone times with a net's own phone classes, within a short way of the times so far."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from ...audio.features import FEATURES, AudioEncoder
from .phonemes import Phone, phone_class
from .utterances import Utterance

REACH = 12  # steps of 10 ms that an edge may move
STIFFNESS = 0.02  # cost of moving an edge by one step, grows with the square
SHORTEST = 2  # steps


def class_scores(sound: np.ndarray, encoder: AudioEncoder) -> np.ndarray:
    """(n, 11) log share of each phone class every 10 ms, relative to how often the net says it."""
    samples = torch.from_numpy(sound / 32768.0).float()
    level = encoder.measure([samples], 16000)
    rows = []
    for shift in range(4):  # four passes, each 10 ms on, make 25 rows a second 100
        moved = torch.nn.functional.pad(samples[160 * shift :], (0, 160 * shift))
        pieces = [p.features[:, FEATURES["phones"]] for p in encoder.stream([moved], 16000, level)]
        rows.append(torch.cat(pieces))
    share = torch.stack(rows, 1).flatten(0, 1).clamp(min=1e-3)
    return (share.log() - share.mean(0).clamp(min=0.02).log()).numpy()


def refined(phones: list[Phone], scores: np.ndarray) -> list[Phone]:
    """Phones with their edges moved to where the classes change (dynamic programming)."""
    total = np.concatenate([np.zeros((1, scores.shape[1])), scores.cumsum(0)])
    offsets = np.arange(-REACH, REACH + 1)
    edges = np.array([phones[0].start, *(p.end for p in phones)]) * 100
    places = np.clip(np.round(edges)[:, None] + offsets, 0, len(scores)).astype(int)
    cost = STIFFNESS * offsets**2.0
    best, back = -cost - 1e9 * (offsets != 0), []  # the first edge stays
    for index, phone in enumerate(phones):
        kind = phone_class(phone.letter)
        gain = total[places[index + 1], kind][None] - total[places[index], kind][:, None]
        length = places[index + 1][None] - places[index][:, None]
        value = np.where(length >= SHORTEST, best[:, None] + gain, -1e12)
        back.append(value.argmax(0))
        best = value.max(0) - cost
    state, found = int(best.argmax()), []
    for index in range(len(phones), 0, -1):
        found.append(places[index][state])
        state = int(back[index - 1][state])
    times = np.array([phones[0].start * 100, *found[::-1]]) / 100
    return [
        replace(phone, start=float(a), end=float(b))
        for phone, a, b in zip(phones, times[:-1], times[1:], strict=True)
    ]


def refine(utterance: Utterance, encoder: AudioEncoder) -> Utterance:
    """An utterance with sharper phone times."""
    return replace(
        utterance, phones=refined(utterance.phones, class_scores(utterance.sound, encoder))
    )
