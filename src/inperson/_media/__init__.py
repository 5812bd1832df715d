"""The parts of reading a recording (`inperson.media`)."""
