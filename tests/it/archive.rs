//! Archives against flips, cuts, splices, hostile tars, and stock tools.

mod honest;
mod world;
