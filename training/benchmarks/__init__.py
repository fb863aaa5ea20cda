"""Side by side with the plain methods of the field, on real data and on the seeded firm."""
