"""A configuration handed from process to process stays the same."""

from pathlib import Path

from click.testing import CliRunner

from glimpse.cli.main import cli
from glimpse.cli.options import Source, source


def test_a_source_survives_the_environment() -> None:
    whole = source((Path("/a.conf"),), (Path("/d"),), Path("/data"), "a, b", "::1", 99)
    assert Source.from_json(whole.to_json()) == whole
    assert Source.from_json(Source().to_json()) == Source()


def test_a_child_is_given_the_same_options() -> None:
    whole = source((Path("/a.conf"), Path("/b.conf")), (Path("/d"),), Path("/data"), "a,b", "::1", 99)
    assert whole.arguments(network=True) == [
        "--config-file", "/a.conf", "--config-file", "/b.conf", "--config-dir", "/d", "--data", "/data",
        "--plugins", "a,b", "--host", "::1", "--port", "99",
    ]  # fmt: skip
    assert whole.arguments(network=False)[-2:] == ["--plugins", "a,b"]


def test_paths_do_not_depend_on_where_a_child_runs() -> None:
    assert source((Path("x.conf"),), (), Path("data")).files == (Path.cwd() / "x.conf",)


def test_overrides_are_settings(tmp_path: Path) -> None:
    settings = source((), (), tmp_path, "no_op", "127.0.0.2", 99).load()
    assert settings.image_import_opts.image_import_plugins == ("no_op",)
    assert (settings.default.bind_host, settings.default.bind_port) == ("127.0.0.2", 99)
    assert settings.data == tmp_path


def test_a_file_that_is_not_there_is_a_usage_error() -> None:
    result = CliRunner().invoke(cli, ["serve", "--config-file", "/no/such.conf"])
    assert result.exit_code == 2
    assert "File '/no/such.conf' does not exist." in result.stderr
