import pickle
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from glimpse.config import Settings, load

Read = Callable[..., Settings]
FILES = Path(__file__).parent / "files"


def test_without_files_it_is_ready_for_a_laptop(tmp_path: Path) -> None:
    settings = load(data=tmp_path)
    assert [(store.id, store.type) for store in settings.stores] == [("main", "file"), ("mirror", "file")]
    assert settings.stores[0].options["filesystem_store_datadir"] == tmp_path / "stores/main"
    assert settings.default_store == "main"
    assert settings.multi_store
    assert settings.staging_dir == tmp_path / "staging"
    assert settings.database.connection == f"sqlite:///{tmp_path}/glimpse.db"
    assert settings.image_import_opts.image_import_plugins == ("image_decompression", "image_conversion")
    assert (settings.default.bind_host, settings.default.bind_port) == ("127.0.0.1", 9292)
    assert settings.host_id == socket.gethostname()
    assert settings.import_enabled
    assert settings.warnings == ()
    assert list(tmp_path.iterdir()) == []


def test_data_lies_where_it_was_started_unless_told() -> None:
    assert load().data == Path.cwd() / "glimpse-data"


def test_a_packaged_installation_runs_from_its_own_files(tmp_path: Path) -> None:
    etc = FILES / "etc"
    settings = load([etc / "glance-image-import.conf", etc / "glance-api.conf"], data=tmp_path)
    assert (settings.default.bind_host, settings.default.bind_port, settings.default.workers) == (
        "0.0.0.0",
        9393,
        4,
    )
    assert settings.default.enabled_import_methods == ("glance-direct", "web-download")
    assert settings.default.image_size_cap == 2 << 40
    assert settings.default.user_storage_quota == 10 << 30
    assert settings.database.connection == "mysql+pymysql://glance:DB_PA$S@controller/glance?charset=utf8"
    assert [store.id for store in settings.stores] == ["fast", "archive"]
    assert settings.stores[0].description == "Fast and small"
    assert settings.staging_dir == Path("/srv/glance/staging")
    assert settings.host_id == "http://glance-0.glance.svc:9292"
    assert settings.paste_deploy.flavor == "keystone"
    assert settings.keystone_authtoken.memcached_servers == ("controller:11211", "controller2:11211")
    assert settings.oslo_messaging_notifications.driver == ("messagingv2", "log")
    assert settings.taskflow_executor.max_workers == 5
    assert settings.image_import_opts.image_import_plugins == (
        "image_decompression",
        "image_conversion",
        "inject_image_metadata",
    )
    assert settings.image_conversion.output_format == "qcow2"
    assert settings.inject_metadata_properties.ignore_user_roles == ("admin", "user1")
    assert settings.inject_metadata_properties.inject == {"property1": "value1", "property2": "value2"}
    assert settings.import_filtering_opts.allowed_schemes == ("https",)
    assert settings.import_filtering_opts.allowed_ports == (80, 443, 8080)
    assert settings.import_filtering_opts.disallowed_hosts == (
        "169.254.169.254",
        "localhost",
        "metadata.example.org",
    )
    assert settings.warnings == (
        "these options mean nothing here and are ignored: [DEFAULTS] (it should be [DEFAULT])"
        " enabled_import_methods; [DEFAULT] backlog, transport_url, registry_host; [database] backend; [archive]"
        " filesystem_store_chunk_size; [os_glance_tasks_store]; [oslo_concurrency];"
        " [oslo_messaging_notifications] driver",
    )


def test_drop_ins_of_an_operator_run_as_they_are(tmp_path: Path) -> None:
    settings = load(dirs=[FILES / "glance.conf.d"], data=tmp_path)
    assert (settings.default.bind_host, settings.default.bind_port) == ("localhost", 9293)
    assert settings.default.enabled_import_methods == ("web-download", "glance-direct")
    assert settings.image_import_opts.image_import_plugins == ("image_decompression", "image_conversion")
    assert settings.inject_metadata_properties.inject == {"owner": "ops", "url": "https://example.org:8443/x"}
    assert settings.default_store == "default_backend"
    assert settings.stores[0].options["filesystem_store_datadir"] == Path("/var/lib/glance/images")
    assert settings.staging_dir == Path("/var/lib/glance/os_glance_staging_store")
    assert settings.host_id.startswith("http://glance-default-internal-api-0.")
    assert settings.oslo_middleware.enable_proxy_headers_parsing


def test_with_files_the_defaults_are_those_of_glance(read: Read) -> None:
    settings = read("")
    assert settings.image_import_opts.image_import_plugins == ()
    assert settings.default.enabled_import_methods == ("glance-direct", "web-download", "copy-image")
    assert not settings.multi_store


def test_an_old_configuration_can_switch_imports_off(read: Read) -> None:
    assert not read("[DEFAULT]\nenable_image_import = False\n").import_enabled


def test_the_host_is_known_by_its_url_where_it_has_one(read: Read) -> None:
    public = "[DEFAULT]\npublic_endpoint = https://images.example.org\n"
    assert read(public).host_id == "https://images.example.org"
    assert read(public + "worker_self_reference_url = http://h1:9292\n").host_id == "http://h1:9292"


def test_no_workers_are_one_worker(read: Read) -> None:
    assert read("[DEFAULT]\nworkers = 0\n").default.workers == 1


def test_secrets_are_never_shown(tmp_path: Path) -> None:
    settings = load([FILES / "etc/glance-api.conf"], data=tmp_path)
    assert settings.keystone_authtoken.password == "KEYSTONE_PASS"
    shown = repr(settings)
    for secret in ("KEYSTONE_PASS", "DB_PA", "RABBIT_PASS"):
        assert secret not in shown


def test_files_named_in_the_configuration_are_found_beside_it(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for name in ("a", "b"):
        (tmp_path / name / "x.conf").write_text("[DEFAULT]\n")
    (tmp_path / "a/policy.yaml").write_text("")
    settings = load([tmp_path / "a/x.conf"], [tmp_path / "b"], tmp_path)
    assert settings.find_file("policy.yaml") == tmp_path / "a/policy.yaml"
    (tmp_path / "b/policy.yaml").write_text("")
    assert settings.find_file("policy.yaml") == tmp_path / "b/policy.yaml"
    assert settings.find_file(str(tmp_path / "a/policy.yaml")) == tmp_path / "a/policy.yaml"
    assert settings.find_file("none.yaml") is None


def test_the_working_directory_is_no_place_for_a_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "policy.yaml").write_text("")
    monkeypatch.chdir(tmp_path)
    settings = load(data=tmp_path / "data")
    assert settings.find_file("policy.yaml") is None
    assert settings.find_file(str(tmp_path / "policy.yaml")) == tmp_path / "policy.yaml"


def test_settings_travel_between_processes(tmp_path: Path) -> None:
    settings = load(data=tmp_path)
    assert pickle.loads(pickle.dumps(settings)) == settings
