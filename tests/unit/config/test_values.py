from collections.abc import Callable
from pathlib import Path

import pytest

from glimpse.config import ConfigError, Settings, load

Read = Callable[..., Settings]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "[DEFAULT]\nbind_port = 99999\n",
            "glance-api.conf:2: [DEFAULT] bind_port = 99999: should be a whole number from 1 to 65535",
        ),
        (
            "[DEFAULT]\nenabled_import_methods = [glance-direct, ftp]\n",
            "glance-api.conf:2: [DEFAULT] enabled_import_methods = [glance-direct, ftp]: ftp should be one of"
            " glance-direct, web-download, copy-image, glance-download",
        ),
        (
            "[import_filtering_opts]\n\nallowed_ports = [80, 65536]\n",
            "glance-api.conf:3: [import_filtering_opts] allowed_ports = [80, 65536]: 65536 should be"
            " a whole number"
            " from 1 to 65535",
        ),
        (
            "[image_conversion]\noutput_format = vhdx\n",
            "glance-api.conf:2: [image_conversion] output_format = vhdx: should be one of raw,"
            " qcow2, vmdk, vdi, vhd,"
            " vpc",
        ),
        (
            "[image_format]\ndisk_formats = raw,qcow 2\n",
            "glance-api.conf:2: [image_format] disk_formats = raw,qcow 2: qcow 2 should be the name"
            " of a format",
        ),
        (
            "[DEFAULT]\nenable_image_import = perhaps\n",
            "glance-api.conf:2: [DEFAULT] enable_image_import = perhaps: should be true or false",
        ),
        (
            "[inject_metadata_properties]\ninject = a\n",
            "glance-api.conf:2: [inject_metadata_properties] inject = a: 'a' should be a pair, key:value",
        ),
        (
            "[image_import_opts]\nimage_import_plugins = ['no_op\n",
            "glance-api.conf:2: [image_import_opts] image_import_plugins = ['no_op: the quotes of"
            ' "[\'no_op" do not go around'
            " it",
        ),
        (
            "[task]\ntask_executor = eventlet\n",
            "glance-api.conf:2: [task] task_executor = eventlet: should be one of taskflow",
        ),
        (
            "[DEFAULT]\npublic_endpoint = glance:9292\n",
            "glance-api.conf:2: [DEFAULT] public_endpoint = glance:9292: should be a URL that begins"
            " with http:// or"
            " https://",
        ),
        (
            "[DEFAULT]\nhashing_algorithm = md6\n",
            "glance-api.conf:2: [DEFAULT] hashing_algorithm is md6, which Python's hashlib does not offer",
        ),
        (
            "[DEFAULT]\nhashing_algorithm = shake_128\n",
            "glance-api.conf:2: [DEFAULT] hashing_algorithm is shake_128, which Python's hashlib"
            " does not offer",
        ),
        (
            "[DEFAULT]\nlog_file = $log_dir\nlog_dir = $log_file\n",
            "glance-api.conf:2: [DEFAULT] log_file = $log_dir: refers to itself",
        ),
        (
            "[DEFAULT]\nworkers = 4\nworkers =\n   -1\n",
            "glance-api.conf:3: [DEFAULT] workers = -1: should be a whole number, 0 or more",
        ),
    ],
)
def test_a_wrong_value_is_one_line_with_its_place(
    refusal: Callable[[str], str], text: str, problem: str
) -> None:
    assert refusal(text) == problem


def test_the_refusal_stays_one_line_whatever_is_written(refusal: Callable[[str], str]) -> None:
    assert refusal("[image_conversion]\noutput_format =\n    raw\n    qcow2\n").startswith(
        "glance-api.conf:2: [image_conversion] output_format = raw qcow2: should be one of"
    )
    assert refusal("[import_filtering_opts]\nallowed_ports = ['80\n  81']\n").startswith(
        "glance-api.conf:2: "
    )


def test_the_file_named_is_the_one_whose_value_won(conf: Callable[[str], Path]) -> None:
    wrong, right = conf("[DEFAULT]\nbind_port = x\n"), conf("[DEFAULT]\nbind_port = 1\n")
    assert load([wrong, right]).default.bind_port == 1
    with pytest.raises(ConfigError, match=f"^{wrong}:2: "):
        load([right, wrong])


def test_a_secret_is_not_told_in_the_error(refusal: Callable[[str], str]) -> None:
    problem = refusal("[database]\nconnection = glance:hunter2@host/glance\n")
    assert "hunter2" not in problem
    assert problem.startswith("glance-api.conf:2: [database] connection: should be a database URL")


def test_values_may_refer_to_others(read: Read) -> None:
    settings = read("[DEFAULT]\nlog_dir = /var/log/glance\nlog_file = $log_dir/api.log\n")
    assert settings.default.log_file == "/var/log/glance/api.log"


def test_a_dollar_in_a_password_is_written_twice(read: Read, refusal: Callable[[str], str]) -> None:
    url = "mysql+pymysql://glance:pa$$word@controller/glance?charset=utf8"
    assert read(f"[database]\nconnection = {url}\n").database.connection == url.replace("$$", "$")
    assert refusal(f"[database]\nconnection = {url.replace('$$', '$')}\n") == (
        "glance-api.conf:2: [database] connection: refers to another option, which is not there; for"
        " a dollar sign,"
        " write $$"
    )


def test_an_option_that_is_referred_to_must_exist(refusal: Callable[[str], str]) -> None:
    assert refusal("[DEFAULT]\nlog_dir = $state/log\n") == (
        "glance-api.conf:2: [DEFAULT] log_dir = $state/log: refers to $state, which is not there;"
        " for a dollar sign,"
        " write $$"
    )


def test_an_environment_variable_wins_over_files(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_DEFAULT__BIND_PORT", "77")
    assert read("[DEFAULT]\nbind_port = 1\n").default.bind_port == 77


def test_an_environment_variable_may_hold_several_values(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_OSLO_POLICY__POLICY_DIRS", "/a, /b")
    assert read("[oslo_policy]\npolicy_dirs = /c\n").oslo_policy.policy_dirs == ("/a", "/b")


def test_a_wrong_environment_variable_is_named(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_DEFAULT__BIND_PORT", "x")
    with pytest.raises(
        ConfigError, match=r"^environment variable OS_DEFAULT__BIND_PORT: \[DEFAULT\] bind_port: "
    ):
        read("[DEFAULT]\nbind_port = 1\n")


def test_overrides_win_over_all(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_DEFAULT__BIND_PORT", "77")
    told = {"default.bind_port": 5, "image_import_opts.image_import_plugins": "a,b", "fast.weight": 3}
    text = "[DEFAULT]\nbind_port = 1\nenabled_backends = fast:file\n[glance_store]\ndefault_backend = fast\n"
    settings = read(text, **told)
    assert settings.default.bind_port == 5
    assert settings.image_import_opts.image_import_plugins == ("a", "b")
    assert settings.stores[0].weight == 3


def test_an_override_may_name_the_stores(read: Read) -> None:
    settings = read("", **{"DEFAULT.enabled_backends": {"a": "file"}, "glance_store.default_backend": "a"})
    assert settings.default_store == "a"


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("DEFAULT.bind_port", "x", "[DEFAULT] bind_port: should be a whole number from 1 to 65535"),
        ("DEFAULT.bind_prot", 1, "there is no option [DEFAULT] bind_prot"),
        ("nowhere.x", 1, "there is no option [nowhere] x"),
    ],
)
def test_a_wrong_override_is_refused(key: str, value: object, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(overrides={key: value})
    assert caught.value.message == f"command line: {problem}"


def test_older_names_are_read_unless_the_new_one_is_set(read: Read) -> None:
    old = "[glance_download_opts]\nextra_properties = old\n[DEFAULT]\ndisk_formats = raw\n"
    settings = read(old)
    assert settings.glance_download_properties.extra_properties == ("old",)
    assert settings.image_format.disk_formats == ("raw",)
    assert settings.warnings == ()
    settings = read("[glance_download_properties]\nextra_properties = new\n", old)
    assert settings.glance_download_properties.extra_properties == ("new",)


def test_an_option_left_empty_is_not_set(read: Read) -> None:
    settings = read(
        "[image_import_opts]\nmax_parallel_stores =\n[DEFAULT]\npublic_endpoint =\n[paste_deploy]\nflavor="
    )
    assert settings.image_import_opts.max_parallel_stores is None
    assert settings.default.public_endpoint is None
    assert settings.paste_deploy.flavor is None


def test_the_case_of_a_section_does_not_matter(read: Read) -> None:
    assert read("[Task]\ntask_time_to_live = 3\n").task.task_time_to_live == 3
