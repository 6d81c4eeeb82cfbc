"""What people and machines read: handlers of campaign events, and renderings of failures. Decides nothing."""
