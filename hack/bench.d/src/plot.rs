//! `hack/bench plot`: docs/scale.json as a picture, docs/scale.svg, and as the table of docs/bench.md.

use std::fs;
use std::io;
use std::path::Path;

use plotters::coord::Shift;
use plotters::coord::combinators::BindKeyPoints;
use plotters::prelude::*;

use crate::error::{At, Error};
use crate::runtime::{CREEL, FLOOR};
use crate::scale::record::{Measured, Record, Subject};
use crate::scale::table;

const NUMBERS: &str = "scale.json";
const PICTURE: &str = "scale.svg";
const PAGE: &str = "bench.md";

/// The table stands between these two lines of the page.
const BEGIN: &str = "<!-- Written by hack/bench plot from scale.json. -->\n";
const END: &str = "<!-- As far as hack/bench plot writes. -->\n";

const SIZE: (u32, u32) = (1080, 640);
const LEGEND: u32 = 44;

/// In reading order, with what stands above each and along its axes.
const PANELS: [(Subject, [&str; 3]); 6] = [
    (Subject::Create, ["create", "ms", "containers alive"]),
    (Subject::List, ["list", "ms", "containers alive"]),
    (
        Subject::Throughput,
        ["run, many at a time", "containers a second", "creators at the same time"],
    ),
    (Subject::RunByMounts, ["run", "ms", "mounts on the host"]),
    (Subject::RunByCgroups, ["run", "ms", "cgroups beside the container's"]),
    (Subject::RunByDevices, ["run", "ms", "devices in config.json"]),
];

/// Wong's palette (Nature Methods 8, 441), which can be told apart by the colour-blind.
const FLOOR_COLOR: RGBColor = RGBColor(110, 110, 110);
const CREEL_COLOR: RGBColor = RGBColor(0, 114, 178);
const OTHER_COLORS: [RGBColor; 4] =
    [RGBColor(213, 94, 0), RGBColor(0, 158, 115), RGBColor(204, 121, 167), RGBColor(230, 159, 0)];

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), DrawingAreaErrorKind<io::Error>>;

/// Writes the picture and the table anew; `docs` is the folder of all of them.
pub(crate) fn write(docs: &Path) -> Result<(), Error> {
    let record = Record::read(&docs.join(NUMBERS))?;
    let file = docs.join(PICTURE);
    fs::write(&file, picture(&record)?).at("write", &file)?;
    let page = docs.join(PAGE);
    let text = fs::read_to_string(&page).at("read", &page)?;
    let text = with_table(&text, &record).ok_or_else(|| Error::NoPlace { path: page.clone() })?;
    fs::write(&page, text).at("write", page)
}

/// The page with the record's table in its place; `None` without such a place.
fn with_table(page: &str, record: &Record) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    let Record { machine, .. } = record;
    let table = table::text(record);
    Some(format!("{before}{BEGIN}\n{machine}\n\n{table}\n{END}{after}"))
}

/// The picture as SVG.
fn picture(record: &Record) -> Result<String, Error> {
    let mut text = String::new();
    draw(record, &mut text).map_err(|source| Error::Draw { source })?;
    Ok(text)
}

fn draw(record: &Record, text: &mut String) -> Drawn {
    let root = SVGBackend::with_string(text, SIZE).into_drawing_area();
    // Whatever is around it may be dark.
    root.fill(&WHITE)?;
    let (legend, panels) = root.split_vertically(LEGEND);
    draw_legend(record, &legend)?;
    for (area, panel) in panels.split_evenly((2, 3)).iter().zip(PANELS) {
        draw_panel(record, area, panel)?;
    }
    root.present()
}

fn draw_legend(record: &Record, area: &Area<'_>) -> Drawn {
    let mut x = 70;
    for (runtime, color, width) in styled(record) {
        let line = PathElement::new(vec![(x, 26), (x + 34, 26)], color.stroke_width(width));
        area.draw(&line)?;
        let label = runtime.label();
        let style = ("sans-serif", 16).into_text_style(area);
        area.draw(&Text::new(label.clone(), (x + 42, 18), style))?;
        x += 80 + 9 * label.len() as i32;
    }
    Ok(())
}

/// The runtimes with their color and width.
fn styled(record: &Record) -> impl Iterator<Item = (&Measured, RGBColor, u32)> {
    let mut others = OTHER_COLORS.into_iter().cycle();
    record.runtimes.iter().map(move |runtime| match runtime.name.as_str() {
        FLOOR => (runtime, FLOOR_COLOR, 2),
        CREEL => (runtime, CREEL_COLOR, 3),
        _ => (runtime, others.next().unwrap_or(BLACK), 2),
    })
}

fn draw_panel(
    record: &Record,
    area: &Area<'_>,
    (subject, [title, unit, grows]): (Subject, [&str; 3]),
) -> Drawn {
    let points = |name: &str| {
        let points = record.points(subject, name).iter();
        points.map(|point| (f64::from(point.at), point.median)).collect::<Vec<_>>()
    };
    let all: Vec<(f64, f64)> = record.runtimes.iter().flat_map(|r| points(&r.name)).collect();
    let Some((lowest, highest)) = range(all.iter().map(|&(_, value)| value)) else { return Ok(()) };
    let Some((_, last)) = range(all.iter().map(|&(at, _)| at)) else { return Ok(()) };
    let marks = marks(lowest, highest);
    let (bottom, top) = (marks[0], marks[marks.len() - 1]);
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 16))
        .margin(8)
        .margin_right(18)
        .x_label_area_size(40)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..last, (bottom..top).log_scale().with_key_points(marks))?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.15))
        .x_labels(5)
        .x_desc(grows)
        .y_desc(unit)
        .x_label_formatter(&|at| format!("{at:.0}"))
        .y_label_formatter(&|value| value.to_string())
        .label_style(("sans-serif", 13))
        .axis_desc_style(("sans-serif", 13))
        .draw()?;
    for (runtime, color, width) in styled(record) {
        let line = points(&runtime.name);
        chart.draw_series(line.iter().map(|&at| Circle::new(at, 3, color.filled())))?;
        chart.draw_series(LineSeries::new(line, color.stroke_width(width)))?;
    }
    Ok(())
}

/// The least and the largest; `None` of nothing.
fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |range, value| match range {
        None => Some((value, value)),
        Some((least, largest)) => Some((value.min(least), value.max(largest))),
    })
}

/// The labels of a logarithmic axis that holds both: 1, 2, 5 and their multiples by powers of ten.
fn marks(lowest: f64, highest: f64) -> Vec<f64> {
    // Written out, for powers of ten are not exact below 1.
    const DECADES: [f64; 8] = [0.01, 0.1, 1.0, 10.0, 100.0, 1e3, 1e4, 1e5];
    let rounded = |mark: f64| (mark * 100.0).round() / 100.0;
    let all: Vec<f64> =
        DECADES.iter().flat_map(|decade| [1.0, 2.0, 5.0].map(|n| rounded(n * decade))).collect();
    let first = all.iter().rposition(|&mark| mark <= lowest).unwrap_or(0);
    let last = all.iter().position(|&mark| mark >= highest).unwrap_or(all.len() - 1);
    all[first..=last.max(first + 1)].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever measures anew has to call `hack/bench plot`.
    #[test]
    fn picture_and_table_are_of_the_committed_numbers() {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
        let record = Record::read(&docs.join(NUMBERS)).unwrap();
        let committed = fs::read_to_string(docs.join(PICTURE)).unwrap();
        assert!(picture(&record).unwrap() == committed, "docs/{PICTURE} is stale: hack/bench plot");
        let page = fs::read_to_string(docs.join(PAGE)).unwrap();
        let anew = with_table(&page, &record).unwrap();
        assert!(anew == page, "the table of docs/{PAGE} is stale: hack/bench plot");
    }

    #[test]
    fn an_axis_holds_all_of_its_curves() {
        assert_eq!(marks(0.6, 19.0), [0.5, 1.0, 2.0, 5.0, 10.0, 20.0]);
        assert_eq!(marks(0.06, 0.2), [0.05, 0.1, 0.2]);
        assert_eq!(marks(100.0, 100.0), [100.0, 200.0]);
    }

    #[test]
    fn a_page_without_a_place_for_the_table_stays_as_it_is() {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
        let record = Record::read(&docs.join(NUMBERS)).unwrap();
        assert!(with_table("# a page\n", &record).is_none());
    }
}
