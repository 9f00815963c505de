namespace MLNetExtensions.Tensors;

/// <summary>What the training of a tensor completion gives. It owns the model.</summary>
internal sealed class TensorCompletionResult : IDisposable
{
    /// <summary>The model with the weights of the smallest validation error.</summary>
    internal required TensorModel Model { get; init; }

    /// <summary>Its mean squared validation error, in the unit of the training values; null without validation.</summary>
    internal required double? ValidationLoss { get; init; }

    /// <summary>P_n of the first training: for each mode the shares of its entities, of sum 1.</summary>
    internal required double[][] EntityImportance { get; init; }

    /// <summary>The influence of each training cell on the validation error in the first training: positive where training on it lowers the error.</summary>
    internal required double[] Influence { get; init; }

    /// <summary>The entities of the new cells, one cell after the other.</summary>
    internal int[] AugmentedIndex { get; init; } = [];

    /// <summary>The values of the new cells.</summary>
    internal double[] AugmentedValues { get; init; } = [];

    /// <summary>The epochs (sweeps of CP) of the first training.</summary>
    internal required IReadOnlyList<TrainingProgress> Phase1 { get; init; }

    /// <summary>The epochs of the second training; none where there was none.</summary>
    internal IReadOnlyList<TrainingProgress> Phase2 { get; init; } = [];

    /// <summary>Whether the model is that of the first training.</summary>
    internal bool KeptPhase1 { get; init; }

    /// <summary>Whether it was cancelled and returned what it had.</summary>
    internal bool Cancelled { get; init; }

    public void Dispose() => Model.Dispose();
}
