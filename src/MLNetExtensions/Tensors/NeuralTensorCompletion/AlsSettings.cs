namespace MLNetExtensions.Tensors;

/// <summary>How CP is fitted by alternating least squares.</summary>
internal sealed record AlsSettings
{
    /// <summary>
    /// R, ascending; of several the one with the smallest validation error is taken, and the search ends at the first that is no better than those before.
    /// </summary>
    public IReadOnlyList<int> Ranks { get; init; } = [5, 10, 20, 40];

    /// <summary>λ, what is added to the diagonal of each entity's normal equations; of several the one with the smallest validation error is taken.</summary>
    public IReadOnlyList<double> Ridges { get; init; } = [0.1, 1];

    /// <summary>How often to begin, each time with other factors; the fit with the smallest validation error is taken.</summary>
    public int Starts { get; init; } = 2;

    /// <summary>The most sweeps over all modes.</summary>
    public int Sweeps { get; init; } = 60;

    /// <summary>The fit stops after so many sweeps without a smaller validation error.</summary>
    public int Patience { get; init; } = 5;
}
