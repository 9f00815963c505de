namespace MLNetExtensions;

/// <summary>How features are scaled before a network sees them. The scale is learned from the training rows and part of the model.</summary>
public enum FeatureScaling
{
    /// <summary>Each column to mean 0 and variance 1: for columns of different units.</summary>
    PerColumn,

    /// <summary>All columns by one mean and one deviation: for columns of the same unit, such as pixels, counts, embeddings.</summary>
    Global,

    /// <summary>Not at all.</summary>
    None,
}
