"""Chat agents: a transcript, and answers that stream to every client."""
