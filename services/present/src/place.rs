//! Names of places for coordinates: pure decisions.

use contracts::access::SpaceId;
use contracts::events::data::EntityVersion;
use serde_json::Value;
use uuid::Uuid;

/// How far a place reaches, where it does not say, in metres.
const RADIUS: f64 = 150.0;
/// The radius that a place may have: from a room to a region.
const RADII: std::ops::RangeInclusive<f64> = 5.0..=100_000.0;
/// How far beyond a place's edge one must be to have left it, at least, in metres.
const MARGIN: f64 = 50.0;
/// The mean radius of the earth, in metres.
const EARTH: f64 = 6_371_008.8;

/// A point on the earth, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    /// North of the equator.
    pub(crate) latitude: f64,
    /// East of Greenwich.
    pub(crate) longitude: f64,
}

impl Point {
    /// A point, where the numbers are one.
    pub(crate) fn new(latitude: f64, longitude: f64) -> Option<Self> {
        let is_point = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
        is_point.then_some(Self { latitude, longitude })
    }

    /// How far another one is, in metres (haversine).
    pub(crate) fn distance(self, other: Self) -> f64 {
        let (from, to) = (self.latitude.to_radians(), other.latitude.to_radians());
        let north = ((to - from) / 2.0).sin();
        let east = ((other.longitude - self.longitude).to_radians() / 2.0).sin();
        let chord = north * north + from.cos() * to.cos() * east * east;
        2.0 * EARTH * chord.sqrt().min(1.0).asin()
    }
}

/// A place of the graph with coordinates.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Zone {
    /// The entity.
    pub(crate) entity: Uuid,
    /// Where it is kept: it names places for those who share that space.
    pub(crate) space: SpaceId,
    /// Its name.
    pub(crate) name: String,
    /// Its middle.
    pub(crate) point: Point,
    /// How far it reaches, in metres.
    pub(crate) radius: f64,
}

impl Zone {
    /// The zone of a `Place` with a name and coordinates.
    pub(crate) fn of(entity: &EntityVersion) -> Option<Self> {
        if entity.r#type != "Place" {
            return None;
        }
        let geo = &entity.data.get("geo")?;
        let point = Point::new(number(&geo["latitude"])?, number(&geo["longitude"])?)?;
        let name: String = entity
            .data
            .get("name")?
            .as_str()?
            .chars()
            .filter(|c| !c.is_control())
            .take(200)
            .collect();
        let radius = entity.data.get("radius").and_then(number).unwrap_or(RADIUS);
        let radius = radius.clamp(*RADII.start(), *RADII.end());
        let space = entity.space.clone();
        (!name.trim().is_empty()).then_some(Self {
            entity: entity.entity,
            space,
            name,
            point,
            radius,
        })
    }

    /// Whether it names places for what belongs to `space`: somebody's own, or the household's.
    pub(crate) fn serves(&self, space: &SpaceId) -> bool {
        self.space == *space || self.space == SpaceId::household()
    }
}

/// A finite number, also where it is written as text.
pub(crate) fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    number.is_finite().then_some(number)
}

/// The place that a point is in, having been in `current`. One has entered a place when one is within its
/// radius, and left it only when one is farther from its edge than the reading may be wrong, so that
/// nobody comes and goes while they sit at the window. Of several places the smallest one tells most.
pub(crate) fn place_of<'a>(
    point: Point,
    accuracy: f64,
    zones: &[&'a Zone],
    current: Option<Uuid>,
) -> Option<&'a Zone> {
    let within = |zone: &Zone, margin: f64| zone.point.distance(point) <= zone.radius + margin;
    let entered = zones
        .iter()
        .copied()
        .filter(|zone| within(zone, 0.0))
        .min_by(|a, b| a.radius.total_cmp(&b.radius).then_with(|| a.entity.cmp(&b.entity)));
    let not_left = current
        .and_then(|entity| zones.iter().copied().find(|zone| zone.entity == entity))
        .filter(|zone| within(zone, accuracy.max(MARGIN)));
    match (entered, not_left) {
        (Some(entered), Some(not_left)) if entered.radius < not_left.radius => Some(entered),
        (_, Some(not_left)) => Some(not_left),
        (entered, None) => entered,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(id: u128, latitude: f64, radius: f64) -> Zone {
        Zone {
            entity: Uuid::from_u128(id),
            space: SpaceId::household(),
            name: id.to_string(),
            point: Point { latitude, longitude: 16.37 },
            radius,
        }
    }

    fn at(metres_north: f64) -> Point {
        Point { latitude: 48.2 + metres_north / 111_195.0, longitude: 16.37 }
    }

    #[test]
    fn distances_are_those_of_the_earth() {
        let vienna = Point { latitude: 48.2082, longitude: 16.3738 };
        let graz = Point { latitude: 47.0707, longitude: 15.4395 };
        assert!((vienna.distance(graz) - 144_900.0).abs() < 500.0, "{}", vienna.distance(graz));
        let (west, east) = (
            Point { latitude: 0.0, longitude: -179.999 },
            Point { latitude: 0.0, longitude: 179.999 },
        );
        assert!(west.distance(east) < 250.0);
        assert!(Point::new(91.0, 0.0).is_none() && Point::new(f64::NAN, 0.0).is_none());
    }

    #[test]
    fn one_enters_within_the_radius_and_leaves_well_beyond_it() {
        let work = zone(1, 48.2, 150.0);
        let zones = [&work];
        let place = |metres, accuracy, current| {
            place_of(at(metres), accuracy, &zones, current).map(|zone| zone.entity.as_u128())
        };
        let here = Some(work.entity);
        assert_eq!(place(140.0, 10.0, None), Some(1));
        assert_eq!(place(160.0, 10.0, None), None, "not entered yet");
        assert_eq!(place(190.0, 10.0, here), Some(1), "not left yet");
        assert_eq!(place(210.0, 10.0, here), None);
        assert_eq!(place(240.0, 100.0, here), Some(1), "the reading may be wrong by that");
        assert_eq!(place(260.0, 100.0, here), None);
    }

    #[test]
    fn the_smallest_place_tells_most() {
        let (city, office, cafe) =
            (zone(1, 48.2, 5_000.0), zone(2, 48.2, 100.0), zone(3, 48.2 + 0.002, 80.0));
        let zones = [&city, &office, &cafe];
        let place = |metres, current| {
            place_of(at(metres), 10.0, &zones, current).map(|zone| zone.entity.as_u128())
        };
        assert_eq!(place(50.0, None), Some(2));
        assert_eq!(place(148.0, Some(office.entity)), Some(3), "one is in the café");
        assert_eq!(place(50.0, Some(city.entity)), Some(2), "one has come to the office");
        assert_eq!(place(-140.0, Some(office.entity)), Some(2), "one has not left it yet");
        assert_eq!(place(-400.0, Some(office.entity)), Some(1));
    }
}
