"""What recurrent networks keep in mind while they read: states and gates through time, for any page."""
