"""Settings are loud: an unknown or unusable one is refused by name; the README's table is the whole of them."""

import pytest

from model.errors import SettingsError
from serving.settings import Settings, read_settings
from tests.conftest import ROOT


@pytest.mark.parametrize(
    ["name", "value", "says"],
    [
        ["KESU_DATABASE_ULR", "sqlite:///x", "did you mean KESU_DATABASE_URL"],
        ["KESU_QQQ", "1", "KESU_DATA_DIR"],
        ["KESU_TEXT_LIMIT", "many", "KESU_TEXT_LIMIT"],
        ["KESU_WEBHOOK_ALLOW", "10.0.0.0/99", "KESU_WEBHOOK_ALLOW"],
    ],
)
def test_a_wrong_setting_is_refused_by_name(name: str, value: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        read_settings({name: value})


def test_settings_come_from_the_environment() -> None:
    settings = read_settings({"KESU_WEBHOOK_ALLOW": "127.0.0.0/8, 10.0.0.0/8", "KESU_SENDER": "false", "PATH": "/bin"})
    assert (settings.webhook_allow, settings.sender) == ("127.0.0.0/8, 10.0.0.0/8", False)


def test_the_readme_names_every_setting() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in Settings.model_fields if f"`KESU_{name.upper()}`" not in readme] == []
