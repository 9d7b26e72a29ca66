//! The door: command line, terminal, clock, environment.
