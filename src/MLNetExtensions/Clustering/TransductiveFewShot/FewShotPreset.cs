namespace MLNetExtensions;

/// <summary>The program that is run.</summary>
public enum FewShotPreset
{
    /// <summary>The objective as it stands: labelled rows keep their label, assignments and prototypes fall towards a minimum together.</summary>
    General,

    /// <summary>The published program of Ziko et al., "Laplacian Regularized Few-Shot Learning" (2020): fixed prototypes, the graph over the unlabelled rows only.</summary>
    LaplacianShot,

    /// <summary>
    /// The published program of Ziko et al., "Transductive Few-Shot Learning: Clustering is All You Need?" (2021), in which labelled rows only start with their label;
    /// without a labelled row that of "Scalable Laplacian K-modes" (2018).
    /// </summary>
    SlkPublished,
}
