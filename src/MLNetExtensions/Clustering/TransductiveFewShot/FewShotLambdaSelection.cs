namespace MLNetExtensions;

/// <summary>
/// How λ, the weight of the neighbours, is chosen: on episodes drawn from the labelled rows that <c>Fit</c> sees, the value with the highest mean accuracy, the first of equals. These rows should be
/// of other classes than those that the model is for, and the shots as many as there will be.
/// </summary>
public sealed class FewShotLambdaSelection
{
    /// <summary>The values to try: finite and not negative. The default is 0, 0.1, 0.3, 0.5, 0.7, 0.8, 1, 1.2, 1.5.</summary>
    public IReadOnlyList<double> Candidates { get; set; } = [0, 0.1, 0.3, 0.5, 0.7, 0.8, 1, 1.2, 1.5];

    /// <summary>The number of classes of an episode. Must be at least 2. The default is 5.</summary>
    public int NumberOfWays { get; set; } = 5;

    /// <summary>The number of labelled rows of each class of an episode. Must be positive. The default is 1.</summary>
    public int NumberOfShots { get; set; } = 1;

    /// <summary>The number of rows of each class to tell. Must be positive. The default is 15.</summary>
    public int NumberOfQueries { get; set; } = 15;

    /// <summary>The number of episodes. Must be positive. The default is 500.</summary>
    public int NumberOfEpisodes { get; set; } = 500;

    internal FewShotLambdaSelection Copy()
    {
        var copy = (FewShotLambdaSelection)MemberwiseClone();
        copy.Candidates = Candidates is null ? [] : [.. Candidates];
        return copy;
    }
}
