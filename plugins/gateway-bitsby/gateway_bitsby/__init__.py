"""The provider Bitsby."""
