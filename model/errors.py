"""The error tree. Every message names the thing and the remedy, in one sentence for a person.

    KesuError
    ├── TextError       one text that cannot be classified: blank, too long, broken characters
    ├── DataError       a file or table that cannot be used: encoding, columns, labels
    ├── BundleError     a bundle that is missing, damaged, or made for another version
    ├── SettingsError   a setting that is unknown or cannot be used
    └── StoreError      a store that cannot be opened, migrated or written

The command line prints the message and exits with 2; the server answers a problem with a 4xx or 503 status.
"""

__all__ = ["BundleError", "DataError", "KesuError", "SettingsError", "StoreError", "TextError"]


class KesuError(Exception):
    """The root: catch this to catch everything kesu says on purpose."""


class TextError(KesuError):
    """One text that cannot be classified."""


class DataError(KesuError):
    """A file or table that cannot be used."""


class BundleError(KesuError):
    """A bundle that is missing, damaged, or made for another version."""


class SettingsError(KesuError):
    """A setting that is unknown or cannot be used."""


class StoreError(KesuError):
    """A store that cannot be opened, migrated or written."""
