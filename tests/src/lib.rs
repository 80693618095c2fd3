//! Helpers of the tests that drive Bringup through its command line.
