//! nginx's own directives by name: which the daemon takes over, which say nothing to clients of push-stream
//! locations, and which keep people out.

/// What a directive of nginx itself is to the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A setting of locations that the daemon has too.
    Location,
    /// A setting of the process or its connections that the daemon has too, in the place of nginx.
    Process,
    /// Nothing that a client of a push-stream location could notice.
    Irrelevant,
    /// Decides who may do what.
    Restricting,
    /// Anything else.
    Other,
}

impl Kind {
    pub(super) fn of(name: &str) -> Kind {
        match name {
            _ if LOCATION.contains(&name) => Kind::Location,
            _ if PROCESS.contains(&name) => Kind::Process,
            _ if IRRELEVANT.contains(&name) => Kind::Irrelevant,
            _ if RESTRICTING.contains(&name) => Kind::Restricting,
            _ => Kind::Other,
        }
    }
}

const LOCATION: &[&str] = &[
    "default_type",
    "types",
    "client_max_body_size",
    "gzip",
    "gzip_types",
    "gzip_min_length",
    "gzip_comp_level",
    "gzip_http_version",
];

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

const RESTRICTING: &[&str] = &[
    "deny",
    "auth_basic",
    "auth_request",
    "auth_jwt",
    "limit_except",
    "internal",
    "return",
    "ssl_verify_client",
];

/// Push-stream spec, section 25, and what else tunes nginx, its logs or its other locations only.
const IRRELEVANT: &[&str] = &[
    "access_log",
    "aio",
    "allow",
    "autoindex",
    "charset",
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
    "env",
    "etag",
    "events",
    "gzip_buffers",
    "gzip_disable",
    "gzip_proxied",
    "gzip_static",
    "gzip_vary",
    "if_modified_since",
    "ignore_invalid_headers",
    "index",
    "large_client_header_buffers",
    "lingering_close",
    "lingering_time",
    "lingering_timeout",
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
    "output_buffers",
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
    "server_name_in_redirect",
    "server_names_hash_bucket_size",
    "server_names_hash_max_size",
    "server_tokens",
    "ssl_engine",
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
