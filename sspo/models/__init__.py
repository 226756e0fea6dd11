"""What a folder with a causal language model must hold, and the sentence for each thing that it lacks."""
