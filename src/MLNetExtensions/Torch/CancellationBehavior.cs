namespace MLNetExtensions;

/// <summary>What a cancelled training does.</summary>
public enum CancellationBehavior
{
    /// <summary>It ends with an <see cref="OperationCanceledException"/>.</summary>
    Throw,

    /// <summary>It ends as if it were complete, with the best weights found until then.</summary>
    ReturnBest,
}
