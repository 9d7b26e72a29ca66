//! Every real package is drawn, in every form, small enough to be looked at.

use ombundle::draw::{View, dot, mermaid, package, svg, text};

use super::shared::package_folders;

#[test]
fn every_real_package_is_drawn() {
    let mut drawn = 0;
    for folder in package_folders() {
        for found in folder.load().catalog.packages.values() {
            let graph = package(found, View::default());
            assert!(graph.edges.iter().all(|edge| edge.from != edge.to), "{}", found.name);
            // A version has one edge of each kind in its lane at most, but for those that replace it.
            assert!(
                graph.edges.len() <= graph.nodes.len() * 3,
                "{}: {} edges",
                found.name,
                graph.edges.len()
            );
            let lines = text(&graph);
            assert!(lines.lines().skip(2).all(|line| line.chars().count() <= 100), "{}\n{lines}", found.name);
            for drawing in [svg(&graph), mermaid(&graph), dot(&graph)] {
                assert!(
                    drawing.len() < 10_000 + 1_200 * graph.nodes.len(),
                    "{}: {}",
                    found.name,
                    drawing.len()
                );
            }
            drawn += 1;
        }
    }
    assert!(drawn == 0 || drawn > 50, "{drawn}");
}
