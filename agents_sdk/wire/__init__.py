"""What clients and agents say to each other in frames, chats apart."""
