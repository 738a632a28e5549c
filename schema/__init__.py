"""The vocabulary: plain frozen values that every layer speaks. Imports nobody of ours."""
