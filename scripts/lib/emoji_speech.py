# SPDX-License-Identifier: Apache-2.0
"""Captions spoken by the program espeak-ng (GPL: run as a program, never linked) to WAV files.

Starting the program costs ten times as much as speaking a caption, so one process speaks many: a line a caption, each
a sentence followed by a break of a second. The stream is cut where a second is digital silence, which nothing inside a
caption is; where the number of pieces is not that of the captions, each is spoken by a process of its own.
"""

import ctypes
import ctypes.util
import os
import re
import signal
import subprocess
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import NamedTuple

from emoji_packages import DataFault

RATE_HZ = 16000
CAPTIONS_A_PROCESS = 200
PROBE = "a woman in a yellow hat said three short words"


class Speaker(NamedTuple):
    voice: str
    words_per_minute: int
    pitch: int  # 0..99

    @property
    def folder(self):
        return f"{self.voice}-{self.words_per_minute}"


# No voice of one split is in another, and no variant (what follows the plus) of the test is anywhere else.
SPEAKERS = {
    "train": [Speaker(*speaker) for speaker in [
        ("en-us", 150, 50), ("en-us+m1", 130, 35), ("en-us+f1", 170, 65), ("en-us+anika", 190, 50), ("en-us-nyc", 210, 35),
        ("en-us-nyc+m2", 150, 65), ("en-us-nyc+f4", 130, 50), ("en-gb", 170, 35), ("en-gb-scotland", 190, 65), ("en-gb-scotland+f3", 210, 50),
        ("en-gb-scotland+linda", 150, 35), ("en-gb-x-rp", 130, 65), ("en-gb-x-rp+m7", 170, 50), ("en-gb-x-rp+f1", 190, 35), ("en-gb-x-gbclan", 210, 65),
        ("en-gb-x-gbclan+m3", 150, 50), ("en-gb-x-gbcwmd", 130, 35), ("en-gb-x-gbcwmd+m4", 170, 65), ("en-029", 190, 50), ("en-029+m6", 210, 35)]],
    "valid": [Speaker("en-us+f5", 160, 50)],
    "test": [Speaker(*speaker) for speaker in [("en-us+f2", 160, 50), ("en-gb-scotland+m5", 180, 40), ("en-gb-x-rp+croak", 140, 50), ("en-us-nyc+steph", 170, 60)]],
}


def speakers(quick):
    return {split: group[:4 if split == "train" else 2] for split, group in SPEAKERS.items()} if quick else SPEAKERS


def run(speaker, arguments, text=""):
    """The samples that espeak-ng writes, 16-bit mono, and their rate."""
    command = ["espeak-ng", "-b", "1", "-v", speaker.voice, "-s", str(speaker.words_per_minute), "-p", str(speaker.pitch), "--stdout", *arguments]
    try:
        result = subprocess.run(command, input=text.encode(), capture_output=True, check=False)
    except OSError as error:
        raise DataFault(f"cannot run espeak-ng ({error}); install it: apt-get install espeak-ng") from error
    data = result.stdout
    if result.returncode or data[:4] != b"RIFF" or data[8:16] != b"WAVEfmt " or data[36:40] != b"data" or data[22:24] != b"\1\0" or data[34:36] != b"\x10\0":
        raise DataFault(f"expected espeak-ng to speak as {speaker.voice}, got: {result.stderr.decode(errors='replace').strip() or 'no sound'}")
    return data[44:len(data) - len(data) % 2], int.from_bytes(data[24:28], "little")


def version():
    try:
        text = subprocess.run(["espeak-ng", "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return ""
    return text.split("Data at")[0].strip()


SOUND = re.compile(rb"[^\0]")


def pieces_of(stream, silence):
    """What stands between runs of at least `silence` zero samples, without zeros at either end but for 10 ms."""
    gap, margin, pieces, begin = bytes(2 * silence), bytes(400), [], 0
    while found := SOUND.search(stream, begin):
        begin = found.start() // 2 * 2  # a sample may begin or end in a zero byte
        end = stream.find(gap, begin)
        end = len(stream) if end < 0 else end
        sound = stream[begin:end].rstrip(b"\0")
        pieces.append(margin + sound + bytes(len(sound) % 2) + margin)
        begin = end
    return pieces


def speak_together(speaker, captions):
    """The samples of each caption by one process, or nothing if its stream does not fall into as many pieces."""
    lines = "".join(f'<s>{caption}</s><break time="1s"/>\n' for caption in captions)
    stream, rate = run(speaker, ["-m"], lines)
    pieces = pieces_of(stream, rate * 9 // 10)
    return (pieces, rate) if len(pieces) == len(captions) else None


def speak(speaker, captions):
    """The samples of each caption."""
    together = speak_together(speaker, captions)
    if together:
        return together
    alone = [run(speaker, ["--", caption]) for caption in captions]
    for caption, (samples, _) in zip(captions, alone):
        if not SOUND.search(samples):
            raise DataFault(f"expected sound of '{caption}' as {speaker.voice}, got silence")
    return [pieces_of(samples, len(samples) + 1)[0] for samples, _ in alone], alone[0][1]


class IoSpec(ctypes.Structure):
    _fields_ = [("in_type", ctypes.c_int), ("out_type", ctypes.c_int), ("scale", ctypes.c_double), ("unused", ctypes.c_void_p), ("flags", ctypes.c_ulong)]


class SoundInfo(ctypes.Structure):
    _fields_ = [("frames", ctypes.c_int64), ("rate", ctypes.c_int), ("channels", ctypes.c_int), ("format", ctypes.c_int), ("sections", ctypes.c_int), ("seekable", ctypes.c_int)]


def library(name, file):
    for candidate in (file, ctypes.util.find_library(name)):
        try:
            return ctypes.CDLL(candidate)
        except (OSError, TypeError):
            continue
    raise DataFault(f"cannot load {file}; install it: apt-get install libsndfile1 libsoxr0")


class Sound:
    """Resampling by libsoxr and writing by libsndfile, both LGPL."""

    def __init__(self):
        self.soxr, self.sndfile = library("soxr", "libsoxr.so.0"), library("sndfile", "libsndfile.so.1")
        c = ctypes
        self.soxr.soxr_oneshot.restype = c.c_char_p
        self.soxr.soxr_oneshot.argtypes = [c.c_double, c.c_double, c.c_uint, c.c_char_p, c.c_size_t, c.c_void_p, c.c_char_p, c.c_size_t,
                                           c.POINTER(c.c_size_t), c.POINTER(IoSpec), c.c_void_p, c.c_void_p]
        self.sndfile.sf_open.restype, self.sndfile.sf_open.argtypes = c.c_void_p, [c.c_char_p, c.c_int, c.POINTER(SoundInfo)]
        self.sndfile.sf_write_short.restype, self.sndfile.sf_write_short.argtypes = c.c_int64, [c.c_void_p, c.c_char_p, c.c_int64]
        self.sndfile.sf_close.argtypes = [c.c_void_p]

    def resample(self, samples, rate):
        count, done = round(len(samples) // 2 * RATE_HZ / rate), ctypes.c_size_t()
        out = ctypes.create_string_buffer(2 * count + 2)
        int16, no_dither = 3, 8
        fault = self.soxr.soxr_oneshot(rate, RATE_HZ, 1, samples, len(samples) // 2, None, out, count, done, IoSpec(int16, int16, 1.0, None, no_dither), None, None)
        if fault:
            raise DataFault(f"libsoxr: {fault.decode()}")
        return out.raw[:2 * done.value]

    def write(self, path, samples):
        """A WAV file of 8-bit mu-law: half the size of 16 bits, and its noise is 38 dB below the speech."""
        write_mode, wav_mu_law = 0x20, 0x010010
        file = self.sndfile.sf_open(os.fsencode(path), write_mode, SoundInfo(0, RATE_HZ, 1, wav_mu_law, 0, 0))
        if not file:
            raise DataFault(f"cannot write {path}")
        written = self.sndfile.sf_write_short(file, samples, len(samples) // 2)
        if self.sndfile.sf_close(file) or written != len(samples) // 2:
            raise DataFault(f"cannot write all of {path}: is the disk full?")


def speak_to_files(job):
    """One job: a speaker, a folder and some {id: caption}. Returns how many seconds were written."""
    speaker, folder, captions = job
    sound, seconds = Sound(), 0.0
    pieces, rate = speak(speaker, list(captions.values()))
    for key, piece in zip(captions, pieces):
        sound.write(Path(folder) / f"{key}.wav", sound.resample(piece, rate))
        seconds += len(piece) / 2 / rate
    return seconds


def check_voices_differ(group):
    """espeak-ng speaks a variant that it does not know, or cannot give to an accent, as the accent alone."""
    heard = {}
    for speaker in group:
        same = heard.setdefault(run(speaker._replace(words_per_minute=170, pitch=50), ["--", PROBE])[0], speaker)
        if same != speaker:
            raise DataFault(f"expected voices that differ, got {same.voice} and {speaker.voice}, which this espeak-ng speaks alike")


def leave_interrupts_to_the_parent():
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def speak_all(captions, splits, root, jobs):
    """captions: {split: {id: text}}, each spoken by every speaker of the split to root/<speaker>/<id>.wav.
    Returns the number of files and of seconds."""
    check_voices_differ([speaker for group in splits.values() for speaker in group])
    work = []
    for split, group in splits.items():
        items = list(captions[split].items())
        for speaker in group:
            folder = Path(root) / speaker.folder
            folder.mkdir(parents=True)
            work += [(speaker, folder, dict(items[at:at + CAPTIONS_A_PROCESS])) for at in range(0, len(items), CAPTIONS_A_PROCESS)]
    with ProcessPoolExecutor(jobs or os.cpu_count(), initializer=leave_interrupts_to_the_parent) as pool:
        try:
            seconds = sum(pool.map(speak_to_files, work))
        except BrokenProcessPool as error:
            raise DataFault("a process that writes speech was ended from outside, for want of memory perhaps; run again with --jobs 1") from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return sum(len(items) for *_, items in work), seconds
