"""Augmented training windows: crops of talking clips with the conditions that describe them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from ....face.basis import PARTS
from ....motion.controls import GAZE_UNIT
from ....motion.vectorize import POSE_SIZE
from ...data.stretches import stretches
from .data import SOUND_COLUMNS, TalkingClip

LIPS, GAZE, BLINK = (
    slice(POSE_SIZE + PARTS[n].start, POSE_SIZE + PARTS[n].stop) for n in ("lips", "gaze", "blink")
)
SILENT = (-2.0, 0.0, 0.0)  # energy, pitch, voiced
MOST_ENLARGED, STILL_ENLARGED = 2.0, 6.0  # head motion of free talkers, and of who hardly moves
NODS = 0.45  # of an ordinary talker's head speed are the enlarged nods of the still-headed one
SWAY = 6.0  # frames: what is slower than this of another head is added to them
TALKING = 0.3  # degrees per frame: head speed of an ordinary talking head, the unit of "activity"
BLINKS_KEPT = 0.5  # the training clips blink 38 (web) and 47 (laboratory) times a minute
STILL_SHARE = 0.5  # of the windows come from the one still-headed speaker with much sound


@dataclass(frozen=True)
class Window:
    """One crop: motion (K + W, 30) and audio features (K + W, 15), both raw, signals by name.

    Where ``sound_known`` is false, the first ``SOUND_COLUMNS`` of the audio mean nothing.
    """

    motion: np.ndarray
    audio: np.ndarray
    sound_known: bool
    signals: dict[str, np.ndarray]


def head_speed(motion: Tensor | np.ndarray) -> float:
    """Mean change of the pose angles from frame to frame, degrees (VASA-1's pose variation)."""
    return float(np.abs(np.diff(np.asarray(motion)[:, :3], axis=0)).mean())


class WindowSource:
    """Draws augmented windows of ``length`` frames, ``past`` of which come before the target."""

    def __init__(self, clips: list[TalkingClip], mirror: Tensor, length: int, past: int):
        self.clips = [clip for clip in clips if len(clip.motion) >= length]
        self.mirror, self.length, self.past = mirror.numpy(), length, past
        self.speeds = [head_speed(clip.motion) for clip in self.clips]
        self.still = still = np.array([clip.still for clip in self.clips])
        weight = np.array([min(len(clip.motion), 300) for clip in self.clips]) ** 0.5
        share = STILL_SHARE if still.any() and not still.all() else float(still.all())
        for group, part in ((still, share), (~still, 1 - share)):
            weight[group] *= part / max(weight[group].sum(), 1e-9)
        self.weight = weight / weight.sum()

    def draw(self, rng: np.random.Generator) -> Window:
        """One random window."""
        index = rng.choice(len(self.clips), p=self.weight)
        clip = self.clips[index]
        motion, sound = self.crop(clip, rng)
        if rng.random() < 0.5:
            motion = motion @ self.mirror
        activity = np.exp(rng.uniform(np.log(0.5), np.log(2.0)))
        if self.still[index]:
            motion[:, :POSE_SIZE] *= self.gain(index, NODS * activity, STILL_ENLARGED)
            motion[:, :POSE_SIZE] += self.sway(activity, rng)
        else:
            motion[:, :POSE_SIZE] *= self.gain(index, activity, MOST_ENLARGED)
        activity = max(head_speed(motion), 0.1 * TALKING) / TALKING
        motion[:, LIPS] *= rng.uniform(0.75, 1.3)
        self.thin_blinks(motion, rng)
        audio = np.concatenate([sound, degraded_lips(motion[:, LIPS], rng)], 1)
        known = clip.sound is not None and rng.random() < 0.85
        kind = rng.random()
        if kind < 0.15:
            known = self.silence(motion, audio, rng)
        elif kind < 0.35 and known:
            self.pause(motion, audio, rng)
        target = motion[self.past :]
        signals = {
            "gaze": target[:, GAZE].mean(0) / GAZE_UNIT,
            "distance": -target[:, POSE_SIZE - 1].mean(keepdims=True),
            "activity": np.log([activity]),
        }
        return Window(motion, audio, known, signals)

    def gain(self, index: int, activity: float, most: float) -> float:
        """What brings a clip's head to ``activity``, within reason."""
        return float(np.clip(activity * TALKING / self.speeds[index], 0.4, most))

    def sway(self, activity: float, rng: np.random.Generator) -> np.ndarray:
        """(length, 6) slow head motion of somebody who talks freely.

        The nods of the one still-headed speaker go with his sound; how heads drift meanwhile does
        not, so it can be anybody's.
        """
        if self.still.all():
            return np.zeros((self.length, POSE_SIZE))
        index = rng.choice(np.flatnonzero(~self.still))
        pose = self.crop(self.clips[index], rng)[0][:, :POSE_SIZE]
        pose = gaussian_filter1d(pose, SWAY, axis=0, mode="nearest")
        if rng.random() < 0.5:
            pose = pose @ self.mirror[:POSE_SIZE, :POSE_SIZE]
        return pose * self.gain(index, activity, MOST_ENLARGED)

    def crop(self, clip: TalkingClip, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """A stretch of the clip, a little faster or slower than it was."""
        pace = min(rng.uniform(0.85, 1.2), (len(clip.motion) - 1) / (self.length - 1))
        span = (self.length - 1) * pace
        at = rng.uniform(0, len(clip.motion) - 1 - span + 1e-6) + pace * np.arange(self.length)
        low = np.minimum(at.astype(int), len(clip.motion) - 2)
        part = (at - low)[:, None]

        def between(track: np.ndarray) -> np.ndarray:
            return (1 - part) * track[low] + part * track[low + 1]

        motion = between(clip.motion.numpy())
        if clip.sound is None:
            return motion, np.zeros((self.length, SOUND_COLUMNS))
        return motion, between(clip.sound.numpy())

    def thin_blinks(self, motion: np.ndarray, rng: np.random.Generator) -> None:
        """Take out some blinks, down to an ordinary rate. In place."""
        for inside in stretches(motion[:, BLINK].mean(1) > 0.25):
            if rng.random() > BLINKS_KEPT:
                ends = [max(0, inside[0] - 2), min(self.length - 1, inside[-1] + 4)]
                between = np.arange(ends[0], ends[1] + 1)
                for column in range(BLINK.start, BLINK.stop):
                    edge = np.minimum(motion[ends, column], 0.2)
                    motion[between, column] = np.interp(between, ends, edge)

    def silence(self, motion: np.ndarray, audio: np.ndarray, rng: np.random.Generator) -> bool:
        """Nobody speaks, or there is only noise: lips at rest, the head calmer. In place."""
        motion[:, LIPS] = 0
        motion[:, :POSE_SIZE] *= 0.4
        audio[:] = 0
        noise = rng.random() < 0.3
        audio[:, 0] = (
            rng.uniform(-1.5, 0.8) + 0.2 * rng.standard_normal(self.length) if noise else SILENT[0]
        )
        return True

    def pause(self, motion: np.ndarray, audio: np.ndarray, rng: np.random.Generator) -> None:
        """Cut a pause into speech: silence, lips easing shut and open again. In place."""
        start, frames = rng.integers(0, self.length - 10), rng.integers(12, 40)
        stop = min(start + frames, self.length)
        quiet = np.zeros(self.length)
        quiet[start:stop] = 1
        shut = gaussian_filter1d(quiet, 1.5)[:, None]
        motion[:, LIPS] *= 1 - shut
        audio[:, SOUND_COLUMNS:] *= 1 - shut
        audio[start:stop, :SOUND_COLUMNS] = SILENT


def degraded_lips(lips: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(T, 12) lips as an articulation net would give them: damped, smoothed, a little wrong."""
    smooth = gaussian_filter1d(lips, rng.uniform(0.2, 0.7), axis=0, mode="nearest")
    wrong = gaussian_filter1d(rng.standard_normal(lips.shape), 2.0, axis=0) * 3.7
    size = rng.uniform(0, 0.05) * np.abs(lips).mean()
    return smooth * rng.uniform(0.9, 1.0) + size * wrong
