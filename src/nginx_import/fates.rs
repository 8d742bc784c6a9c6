//! Classifies nginx's own directives by name: taken over by the daemon, without effect on clients
//! of push-stream locations, or known not to refuse requests. Any other directive may be an access
//! rule.

use super::syntax::Directive;
use crate::config::{LEVEL_DIRECTIVES, PREFIX};

/// Class of a directive of nginx itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A location setting that the daemon has too.
    Location,
    /// A setting of the process or its connections that the daemon takes over in nginx's place.
    Process,
    /// Has no effect that a client of a push-stream location could notice.
    Irrelevant,
    /// Has an effect that the daemon lacks, but refuses no request.
    Missed,
    /// Answers the requests of its own location, but not of locations nested in it.
    Handler,
    /// An access rule.
    Restricting,
    /// On no list: may be an access rule.
    Unknown,
}

impl Kind {
    pub(super) fn of(directive: &Directive) -> Kind {
        let is_off = matches!(directive.arguments.as_slice(), [only] if only.value == b"off");
        match directive.name.as_str() {
            name if SWITCHES.contains(&name) => {
                if is_off {
                    Kind::Missed
                } else {
                    Kind::Restricting
                }
            }
            name if is_location_setting(name) => Kind::Location,
            name if PROCESS.contains(&name) => Kind::Process,
            name if IRRELEVANT.contains(&name) => Kind::Irrelevant,
            name if HANDLERS.contains(&name) => Kind::Handler,
            name if RESTRICTING.contains(&name) => Kind::Restricting,
            name if MISSED.contains(&name) => Kind::Missed,
            name if MISSED_FAMILIES.iter().any(|family| name.starts_with(family)) => Kind::Missed,
            _ => Kind::Unknown,
        }
    }
}

/// Whether this is the `load_module` of the push stream module.
pub(super) fn loads_module(directive: &Directive) -> bool {
    directive.name == "load_module"
        && directive.arguments.iter().any(|word| word.text().contains("push_stream"))
}

/// Whether the daemon has this setting of nginx itself in its locations.
fn is_location_setting(name: &str) -> bool {
    let mut settings = LEVEL_DIRECTIVES
        .iter()
        .filter(|directive| directive.is_in_nginx && !directive.name.starts_with(PREFIX));
    name == "types" || settings.any(|directive| directive.name == name)
}

const PROCESS: &[&str] = &[
    "listen",
    "server_name",
    "keepalive_timeout",
    "keepalive_requests",
    "send_timeout",
    "pid",
    "error_log",
    "worker_processes",
    "daemon",
    "master_process",
];

/// Access rules, unless their argument is `off`.
const SWITCHES: &[&str] = &[
    "auth_basic",
    "auth_digest",
    "auth_jwt",
    "auth_ldap",
    "auth_pam",
    "auth_request",
    "modsecurity",
    "ssl_verify_client",
];

/// Access rules. Unknown directives are refused as well; these get a more precise message.
const RESTRICTING: &[&str] =
    &["deny", "internal", "limit_conn", "limit_except", "limit_req", "return", "rewrite"];

const HANDLERS: &[&str] = &[
    "empty_gif",
    "fastcgi_pass",
    "flv",
    "grpc_pass",
    "memcached_pass",
    "mp4",
    "proxy_pass",
    "random_index",
    "scgi_pass",
    "stub_status",
    "try_files",
    "uwsgi_pass",
];

/// Prefixes of directives that configure other locations, the response, or variables.
const MISSED_FAMILIES: &[&str] = &[
    "addition_",
    "brotli",
    "dav_",
    "fastcgi_",
    "geoip",
    "grpc_",
    "http2",
    "http3",
    "image_filter",
    "limit_conn_",
    "limit_rate",
    "limit_req_",
    "lua_",
    "memcached_",
    "mp4_",
    "proxy_",
    "quic_",
    "scgi_",
    "ssi",
    "ssl_ocsp",
    "ssl_session_",
    "ssl_stapling",
    "sub_filter",
    "userid",
    "uwsgi_",
    "xslt_",
];

/// A block in this list covers its content, which does not apply to locations of `http`.
const MISSED: &[&str] = &[
    "add_header",
    "add_trailer",
    "alias",
    "auth_basic_user_file",
    "auth_delay",
    "early_hints",
    "error_page",
    "expires",
    "geo",
    "gunzip",
    "gunzip_buffers",
    "mail",
    "map",
    "mirror",
    "mirror_request_body",
    "more_clear_headers",
    "more_set_headers",
    "real_ip_header",
    "real_ip_recursive",
    "rewrite_log",
    "set",
    "set_real_ip_from",
    "slice",
    "split_clients",
    "ssl",
    "ssl_buffer_size",
    "ssl_certificate",
    "ssl_certificate_key",
    "ssl_ciphers",
    "ssl_client_certificate",
    "ssl_conf_command",
    "ssl_crl",
    "ssl_dhparam",
    "ssl_early_data",
    "ssl_ecdh_curve",
    "ssl_password_file",
    "ssl_prefer_server_ciphers",
    "ssl_protocols",
    "ssl_trusted_certificate",
    "ssl_verify_depth",
    "stream",
    "uninitialized_variable_warn",
    "upstream",
    "zstd",
    "zstd_types",
];

/// The directives of the push-stream spec, section 25, and others that only tune nginx, its logs
/// or its other locations.
const IRRELEVANT: &[&str] = &[
    "absolute_redirect",
    "access_log",
    "aio",
    "aio_write",
    "allow",
    "autoindex",
    "autoindex_exact_size",
    "autoindex_format",
    "autoindex_localtime",
    "charset",
    "charset_map",
    "charset_types",
    "chunked_transfer_encoding",
    "client_body_buffer_size",
    "client_body_in_file_only",
    "client_body_in_single_buffer",
    "client_body_temp_path",
    "client_body_timeout",
    "client_header_buffer_size",
    "client_header_timeout",
    "connection_pool_size",
    "debug_connection",
    "debug_points",
    "directio",
    "directio_alignment",
    "disable_symlinks",
    "env",
    "etag",
    "events",
    "gzip_buffers",
    "gzip_disable",
    "gzip_proxied",
    "gzip_static",
    "gzip_vary",
    "gzip_window",
    "if_modified_since",
    "ignore_invalid_headers",
    "index",
    "keepalive_disable",
    "keepalive_min_timeout",
    "keepalive_time",
    "large_client_header_buffers",
    "lingering_close",
    "lingering_time",
    "lingering_timeout",
    "lock_file",
    "load_module",
    "log_format",
    "log_not_found",
    "log_subrequest",
    "map_hash_bucket_size",
    "map_hash_max_size",
    "max_ranges",
    "merge_slashes",
    "msie_padding",
    "msie_refresh",
    "open_file_cache",
    "open_file_cache_errors",
    "open_file_cache_min_uses",
    "open_file_cache_valid",
    "open_log_file_cache",
    "output_buffers",
    "override_charset",
    "pcre_jit",
    "port_in_redirect",
    "postpone_output",
    "read_ahead",
    "recursive_error_pages",
    "request_pool_size",
    "reset_timedout_connection",
    "resolver",
    "resolver_timeout",
    "root",
    "satisfy",
    "sendfile",
    "sendfile_max_chunk",
    "send_lowat",
    "server_name_in_redirect",
    "server_names_hash_bucket_size",
    "server_names_hash_max_size",
    "server_tokens",
    "source_charset",
    "ssl_engine",
    "subrequest_output_buffer_size",
    "tcp_nodelay",
    "tcp_nopush",
    "thread_pool",
    "timer_resolution",
    "types_hash_bucket_size",
    "types_hash_max_size",
    "underscores_in_headers",
    "user",
    "variables_hash_bucket_size",
    "variables_hash_max_size",
    "worker_aio_requests",
    "worker_cpu_affinity",
    "worker_priority",
    "worker_rlimit_core",
    "worker_rlimit_nofile",
    "worker_shutdown_timeout",
    "working_directory",
];
