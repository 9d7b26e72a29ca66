//! Archives against flips, cuts, splices, hostile tars, and stock tools.

mod honest;
mod hostile;
mod inventory;
mod stock;
mod sweep;
mod tampered;
mod world;
