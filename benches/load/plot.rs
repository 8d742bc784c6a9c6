//! Line charts as SVG.

use std::fmt::Write as _;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 190.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 52.0;
/// The palette of Okabe and Ito, distinguishable with any kind of colour vision.
const COLOURS: [&str; 8] =
    ["#000000", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999"];

/// One line of a chart.
pub struct Series {
    /// Shown beside the line; a name that begins with `bare loop` is dashed.
    pub name: String,
    /// Points (x, y), sorted by x.
    pub points: Vec<(f64, f64)>,
}

/// The labels and scales of a chart.
pub struct Chart<'t> {
    /// Shown above the chart.
    pub title: &'t str,
    /// Shown below it.
    pub x_title: &'t str,
    /// Shown to its left.
    pub y_title: &'t str,
    /// Whether the x axis is logarithmic.
    pub is_x_logarithmic: bool,
    /// Whether the y axis is logarithmic.
    pub is_y_logarithmic: bool,
}

impl Chart<'_> {
    /// Draws the lines. There must be at least one point.
    pub fn svg(&self, all: &[Series]) -> String {
        let points = || all.iter().flat_map(|series| &series.points);
        let x = Axis::over(points().map(|point| point.0), self.is_x_logarithmic);
        let y = Axis::over(points().map(|point| point.1), self.is_y_logarithmic);
        let left = |value: f64| LEFT + x.share(value) * (WIDTH - LEFT - RIGHT);
        let top = |value: f64| HEIGHT - BOTTOM - y.share(value) * (HEIGHT - TOP - BOTTOM);
        let mut svg = String::new();
        let mut line = |text: String| writeln!(svg, "{text}").expect("strings take all text");
        line(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             font-family=\"sans-serif\" font-size=\"12\">"
        ));
        line(r##"<rect width="100%" height="100%" fill="#ffffff"/>"##.into());
        line(format!(r#"<text x="{LEFT}" y="22" font-size="15">{}</text>"#, escaped(self.title)));
        for tick in y.ticks() {
            let at = top(tick);
            line(format!(
                "<path d=\"M{LEFT} {at:.1}H{:.1}\" stroke=\"#dddddd\"/><text x=\"{:.1}\" \
                 y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 6.0,
                at + 4.0,
                label(tick)
            ));
        }
        for tick in x.ticks() {
            let at = left(tick);
            line(format!(
                "<path d=\"M{at:.1} {TOP}V{:.1}\" stroke=\"#eeeeee\"/><text x=\"{at:.1}\" \
                 y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                HEIGHT - BOTTOM,
                HEIGHT - BOTTOM + 16.0,
                label(tick)
            ));
        }
        line(format!(
            r#"<text x="{:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
            (LEFT + WIDTH - RIGHT) / 2.0,
            HEIGHT - 12.0,
            escaped(self.x_title)
        ));
        line(format!(
            r#"<text transform="translate(16 {:.1}) rotate(-90)" text-anchor="middle">{}</text>"#,
            (TOP + HEIGHT - BOTTOM) / 2.0,
            escaped(self.y_title)
        ));
        for (index, series) in all.iter().enumerate() {
            let colour = COLOURS[index % COLOURS.len()];
            let is_dashed = series.name.starts_with("bare loop");
            let dashes = if is_dashed { r#" stroke-dasharray="5 4""# } else { "" };
            let places: Vec<String> = series
                .points
                .iter()
                .map(|&(x, y)| format!("{:.1},{:.1}", left(x), top(y)))
                .collect();
            line(format!(
                r#"<polyline fill="none" stroke="{colour}" stroke-width="2"{dashes} points="{}"/>"#,
                places.join(" ")
            ));
            let at = TOP + 8.0 + 18.0 * index as f64;
            let from = WIDTH - RIGHT + 12.0;
            line(format!(
                "<path d=\"M{from} {at}h22\" stroke=\"{colour}\" \
                 stroke-width=\"2\"{dashes}/><text x=\"{}\" y=\"{}\">{}</text>",
                from + 28.0,
                at + 4.0,
                escaped(&series.name)
            ));
        }
        line("</svg>".into());
        svg
    }
}

struct Axis {
    from: f64,
    to: f64,
    is_logarithmic: bool,
}

impl Axis {
    /// An axis that contains all values. A linear axis begins at 0, a logarithmic one at a power of
    /// ten.
    fn over(values: impl Iterator<Item = f64>, is_logarithmic: bool) -> Axis {
        let usable = values.filter(|value| !is_logarithmic || *value > 0.0);
        let (least, most) = usable.fold((f64::MAX, f64::MIN_POSITIVE), |(least, most), value| {
            (least.min(value), most.max(value))
        });
        let (from, to) = if is_logarithmic {
            (10f64.powf(least.log10().floor()), 10f64.powf(most.log10().ceil()))
        } else {
            let step = step(most);
            (0.0, (most / step).ceil() * step)
        };
        let to = if to > from { to } else { from * 10.0 };
        Axis { from, to, is_logarithmic }
    }

    fn share(&self, value: f64) -> f64 {
        let share = if self.is_logarithmic {
            (value / self.from).log10() / (self.to / self.from).log10()
        } else {
            (value - self.from) / (self.to - self.from)
        };
        share.clamp(0.0, 1.0)
    }

    fn ticks(&self) -> Vec<f64> {
        let mut ticks = vec![self.from];
        while let Some(&last) = ticks.last() {
            let next = if self.is_logarithmic { last * 10.0 } else { last + step(self.to) };
            if next > self.to * 1.0001 {
                break;
            }
            ticks.push(next);
        }
        ticks
    }
}

/// The distance of ticks: 1, 2 or 5 times a power of ten. An axis up to `most` gets four to ten
/// parts.
fn step(most: f64) -> f64 {
    let power = 10f64.powf(most.log10().floor());
    match most / power {
        ..2.0 => power / 5.0,
        ..5.0 => power / 2.0,
        _ => power,
    }
}

fn label(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
