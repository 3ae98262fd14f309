"""Detrending, covariances and what follows from them: momentum, stability, random error."""
