"""Noise, music and rooms made by rule, to put under speech in training and in measuring."""

from __future__ import annotations

import numpy as np

from ...audio.spectrum import RATE


def noise(count: int, random: np.random.Generator) -> np.ndarray:
    """(count,) coloured noise of unit power, steady or with slow swells."""
    spectrum = random.standard_normal(count // 2 + 1) + 1j * random.standard_normal(count // 2 + 1)
    frequency = np.maximum(np.arange(count // 2 + 1) / count * RATE, 30)
    shape = frequency ** (-random.choice((0, 0.5, 1.0, 1.5)) / 1.0)
    if random.random() < 0.3:  # a band
        centre = np.exp(random.uniform(np.log(150), np.log(6000)))
        shape = np.exp(-0.5 * (np.log(frequency / centre) / random.uniform(0.2, 1)) ** 2)
    sound = np.fft.irfft(spectrum * shape, count)
    if random.random() < 0.4:
        sound *= _swell(count, random)
    return _unit(sound)


def music(count: int, random: np.random.Generator) -> np.ndarray:
    """(count,) chords of harmonic tones with an attack and decay, and sometimes a beat."""
    time = np.arange(count) / RATE
    sound = np.zeros(count)
    at, beat = 0.0, random.uniform(0.2, 0.9)
    bright, decay = random.uniform(0.8, 2.5), random.uniform(0.3, 4)
    root = random.uniform(60, 260)
    scale = np.array([0, 2, 3, 5, 7, 8, 10, 12, 14, 15, 17, 19])
    while at < time[-1]:
        span = slice(int(at * RATE), min(int((at + 2.5) * RATE), count))
        local = time[span] - at
        envelope = np.exp(-local * decay) * (1 - np.exp(-local / random.uniform(0.003, 0.05)))
        for _ in range(random.integers(1, 5)):
            pitch = root * 2 ** (random.choice(scale) / 12)
            vibrato = 0.004 * np.sin(2 * np.pi * 5.5 * local) * (random.random() < 0.3)
            for harmonic in range(1, random.integers(3, 10)):
                if pitch * harmonic > 7000:
                    break
                phase = 2 * np.pi * pitch * harmonic * (local + vibrato / 5.5)
                sound[span] += envelope * harmonic**-bright * np.sin(phase)
        if random.random() < 0.3:
            sound[span] += (
                random.uniform(0.1, 0.6)
                * random.standard_normal(len(local))
                * np.exp(-local * random.uniform(15, 60))
            )
        at += beat * random.choice((0.5, 1, 1, 2))
    return _unit(sound)


def reverberate(sound: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The sound in a room: an exponentially decaying tail of noise, 80 to 500 ms."""
    length = random.uniform(0.08, 0.5)
    count = int(length * RATE)
    decay = np.exp(-6.9 * np.arange(count) / count)
    tail = random.standard_normal(count) * decay
    tail *= random.uniform(0.1, 0.8) / np.sqrt((tail**2).sum())
    tail[: int(0.002 * RATE)] = 0
    tail[0] = 1
    size = 1 << (len(sound) + count - 1).bit_length()
    mixed = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(tail, size), size)
    return mixed[: len(sound)]


def mixed(sound: np.ndarray, other: np.ndarray, decibels: float) -> np.ndarray:
    """Sound with another of unit power under it, at a signal-to-noise ratio of its loud parts."""
    frames = sound[: len(sound) // 160 * 160].reshape(-1, 160)
    loud = np.sqrt(np.quantile((frames**2).mean(1), 0.9) + 1e-9)
    return sound + other * loud * 10 ** (-decibels / 20)


def _swell(count: int, random: np.random.Generator) -> np.ndarray:
    knots = random.uniform(0.1, 1, max(int(count / RATE * 2), 2))
    return np.interp(np.linspace(0, 1, count), np.linspace(0, 1, len(knots)), knots)


def _unit(sound: np.ndarray) -> np.ndarray:
    return sound / (np.sqrt((sound**2).mean()) + 1e-9)
