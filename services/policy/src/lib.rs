//! Who may do what with which data, what for, and the proof of it.
