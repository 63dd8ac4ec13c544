"""A sample class: submissions made from the solved notebooks, for the demo and the tests."""
