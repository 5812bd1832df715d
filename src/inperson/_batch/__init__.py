"""The parts of a batch (`inperson.batch`): which recordings, what is known of them already, the rows of results."""
