package app

import "github.com/narrativeml/narrative/internal/recipe"

// Transformations returns the vocabulary of recipes, to be encoded as JSON.
func Transformations() any { return recipe.Vocabulary() }
