"""The parts of the emulator: its API, its answers and its memory."""
