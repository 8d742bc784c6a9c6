//! `?mode=prometheus`: the text exposition format 0.0.4. Does not list channels: one series per
//! channel name would grow a Prometheus server without bound.

use super::page::Page;
use super::snapshot::{Kind, Snapshot, VERSION};

/// Writes all rows of the snapshot.
pub(super) fn write(page: &mut Page, snapshot: &Snapshot) {
    for row in snapshot.rows() {
        let kind = match row.kind {
            Kind::Counter => " counter\n",
            Kind::Gauge => " gauge\n",
        };
        page.text("# HELP rpushd_").text(row.name).text(" ").text(row.help).text("\n");
        page.text("# TYPE rpushd_").text(row.name).text(kind);
        page.text("rpushd_").text(row.name).text(" ").number(row.value).text("\n");
    }
    page.text("# HELP rpushd_build_info Version of the daemon.\n# TYPE rpushd_build_info gauge\n");
    page.text("rpushd_build_info{version=\"").text(VERSION).text("\"} 1\n");
}

#[cfg(test)]
mod tests {
    use super::super::Mode;
    use super::super::report::written;
    use super::super::snapshot::tests::example;
    use super::VERSION;

    fn render() -> String {
        written(Mode::Prometheus, &example(), Some(&[]))
    }

    #[test]
    fn every_row_is_a_family_with_help_type_and_value() {
        let expected: String = example()
            .rows()
            .iter()
            .map(|row| {
                let kind = if row.name.ends_with("_total") { "counter" } else { "gauge" };
                let (name, help, value) = (row.name, row.help, row.value);
                format!(
                    "# HELP rpushd_{name} {help}\n# TYPE rpushd_{name} {kind}\n\
                     rpushd_{name} {value}\n"
                )
            })
            .collect();
        let version = format!(
            "# HELP rpushd_build_info Version of the daemon.\n# TYPE rpushd_build_info gauge\n\
             rpushd_build_info{{version=\"{VERSION}\"}} 1\n"
        );
        assert_eq!(render(), expected + &version);
    }

    #[test]
    fn it_starts_with_these_bytes() {
        let expected = "\
# HELP rpushd_started_at Start of the daemon in seconds since 1970.
# TYPE rpushd_started_at gauge
rpushd_started_at 1776181200
# HELP rpushd_uptime_seconds Seconds since the start.
# TYPE rpushd_uptime_seconds gauge
rpushd_uptime_seconds 842
";
        assert_eq!(&render()[..expected.len()], expected);
    }

    #[test]
    fn help_texts_need_no_escaping() {
        for row in example().rows() {
            assert!(!row.help.contains(['\\', '\n']), "{}", row.name);
        }
    }
}
