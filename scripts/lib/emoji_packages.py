# SPDX-License-Identifier: Apache-2.0
"""The npm packages of the emoji data: which they are, whether they are here, and what is in them."""

import base64
import hashlib
import json
import tarfile
from pathlib import Path
from typing import NamedTuple


class DataFault(Exception):
    """What a person has to know, in one line."""


class Package(NamedTuple):
    name: str
    version: str
    sha512: str  # of the archive, as the registry has it
    licence: str
    link: str

    @property
    def archive(self):
        """The name of the file that `npm pack` writes."""
        return f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}.tgz"


PACKAGES = {
    "google": Package("emoji-datasource-google", "16.0.0",
                      "ZRexfzs7MVoLnmzZmNsO4TKhnAJp5D++Vm6PpUpH/jEQQlemp3l88CjZ+DoZ2faM9R4QxZkOPJCoT8DlPhfQ3A==",
                      "pictures: Apache-2.0 (Noto Emoji, Google)", "https://github.com/googlefonts/noto-emoji"),
    "twitter": Package("emoji-datasource-twitter", "16.0.0",
                       "7F+uCuHH+7Qnrc15P5tnbvKkg9E6tlzi4MnT2uW1RlN4pLYTza6cP/dstIfSDMtpjFLWuZewWg8jBbuL2eyELQ==",
                       "pictures: CC-BY-4.0 (Twemoji, Twitter and contributors)", "https://github.com/jdecked/twemoji"),
    "fluent": Package("@lobehub/fluent-emoji-3d", "1.1.0",
                      "Wlq2lVStTnr8BDpIJ0pEnTKO4LuDxxqTEhTvRtD1DLRF0me7ogeRQjKoehDHXuVJ2Qaecgl5wRBv60lUAG3h7g==",
                      "MIT (Fluent Emoji, Microsoft; packaged by LobeHub)", "https://github.com/microsoft/fluentui-emoji"),
    "list": Package("emoji-datasource", "16.0.0",
                    "/qHKqK5Nr3+8zhgO6kHmF43Fm5C8HNn0AaFRIpgw8HF3+uF0Vfc8jgLI1ZQS5ba1vBzksS8NBCjHejwLb2D/Sg==",
                    "MIT (Cal Henderson)", "https://github.com/iamcal/emoji-data"),
    "cldr": Package("cldr-annotations-full", "48.2.0",
                    "DV7A+rEcgUSNTRsVGNGqBZRmAkGfwhGHO5Q1dRwzBoBnVrHWp804JP7/QJdEc66iHmx3+zLWVIMCFLm0lW7PUQ==",
                    "Unicode-3.0 (Unicode, Inc.)", "https://github.com/unicode-org/cldr-json"),
    "cldr_derived": Package("cldr-annotations-derived-full", "48.2.0",
                            "log62km+AOzI7n/NEuNNFV0mg9DWnt67EYCh1RwxZq9dyRuyteB586LT83Ke8TchEfnwI9cIk2P31zO4nTvZmw==",
                            "Unicode-3.0 (Unicode, Inc.)", "https://github.com/unicode-org/cldr-json"),
    "emojilib": Package("emojilib", "4.0.3",
                        "KbWiYre9aRSaPbHrHZIz9zmoM+21LAsK1VFJtnTh1VCtWE/rNMDviGhQTmselFl95dhqtGlY22iH0leG5BuW0g==",
                        "MIT (Mu-An Chiou)", "https://github.com/muan/emojilib"),
}

MAX_MEMBER_BYTES = 64 << 20


def missing(folder):
    """The packages whose archive is not in `folder`, or is another than the pinned one."""
    def is_here(package):
        path = Path(folder) / package.archive
        if not path.is_file():
            return False
        with open(path, "rb") as file:
            return base64.b64encode(hashlib.file_digest(file, "sha512").digest()).decode() == package.sha512
    return [package for package in PACKAGES.values() if not is_here(package)]


def read_members(folder, key, wanted):
    """{path in the package: bytes} of the ordinary files whose path `wanted` accepts."""
    path = Path(folder) / PACKAGES[key].archive
    found = {}
    try:
        with tarfile.open(path, "r|gz") as archive:
            for member in archive:
                name = member.name.removeprefix("package/")
                if not member.isfile() or not wanted(name):
                    continue
                if member.size > MAX_MEMBER_BYTES:
                    raise DataFault(f"{path.name}: expected files of at most {MAX_MEMBER_BYTES} bytes, got {member.size} for {name}")
                found[name] = archive.extractfile(member).read()
    except (OSError, EOFError, tarfile.TarError) as error:
        raise DataFault(f"cannot read {path}: {error}; delete it and run again") from error
    return found


def read_json(folder, key, name):
    """One JSON file of a package."""
    found = read_members(folder, key, lambda member: member == name)
    if name not in found:
        raise DataFault(f"{PACKAGES[key].archive}: expected a file {name}, got none: its layout has changed")
    try:
        return json.loads(found[name])
    except ValueError as error:
        raise DataFault(f"{PACKAGES[key].archive}: {name} is not JSON: {error}") from error
