namespace MLNetExtensions;

/// <summary>What a cancelled training does.</summary>
public enum CancellationBehavior
{
    /// <summary>It ends with an <see cref="OperationCanceledException"/>.</summary>
    Throw,

    /// <summary>
    /// It ends as if it were complete, with the best weights found until then; before the first epoch has ended, with the weights as they are. Only while the data
    /// is still being read there is nothing to return, and it ends with an <see cref="OperationCanceledException"/>.
    /// </summary>
    ReturnBest,
}
