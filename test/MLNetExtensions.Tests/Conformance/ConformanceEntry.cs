using Microsoft.ML;

namespace MLNetExtensions.Tests;

/// <summary>Data that an estimator or its model must refuse.</summary>
/// <param name="What">What is wrong with it.</param>
/// <param name="Create">Makes it.</param>
/// <param name="Column">The column that the message must name.</param>
/// <param name="Type">The type of it that the message must name; null where the column is missing.</param>
internal sealed record InvalidData(string What, Func<TestView> Create, string Column, string? Type = null);

/// <summary>What the conformance suite needs to know of an estimator: an estimator joins the suite by one of these in <see cref="ConformanceEntries"/>.</summary>
internal sealed record ConformanceEntry
{
    internal required string Name { get; init; }

    /// <summary>Whether rows are scored by themselves, so that a prediction engine can be made.</summary>
    internal required bool IsRowScorer { get; init; }

    /// <summary>Whether the score of a row may depend on later rows, and so on how many there are.</summary>
    internal bool LooksAhead { get; init; }

    /// <summary>Makes the estimator; with no options set where it has options.</summary>
    internal required Func<MLContext, IEstimator<ITransformer>> Create { get; init; }

    /// <summary>Data to fit and to transform, of as many rows.</summary>
    internal required Func<int, TestView> Data { get; init; }

    /// <summary>The columns that scoring reads.</summary>
    internal required IReadOnlyList<string> Inputs { get; init; }

    /// <summary>The columns that the model adds.</summary>
    internal required IReadOnlyList<string> Outputs { get; init; }

    /// <summary>The rows to fit to.</summary>
    internal int Rows { get; init; } = 200;

    /// <summary>Data that can be transformed, not fitted: without a label, say. Null: there is none.</summary>
    internal Func<int, TestView>? TransformOnly { get; init; }

    /// <summary>Data that can be fitted, not transformed. Null: there is none.</summary>
    internal Func<int, TestView>? FitOnly { get; init; }

    /// <summary>Data that can be neither fitted nor transformed.</summary>
    internal required IReadOnlyList<InvalidData> Invalid { get; init; }

    /// <summary>Data that a model fitted to <see cref="Data"/> must refuse: vectors of another size, say.</summary>
    internal IReadOnlyList<InvalidData> InvalidForModel { get; init; } = [];

    /// <summary>Data whose rows hold NaN here and there, for the model to score without failing. Null: NaN cannot be.</summary>
    internal Func<int, TestView>? WithNaN { get; init; }

    /// <summary>An estimator whose output has the name of its input, and data for it.</summary>
    internal required Func<MLContext, (IEstimator<ITransformer> Estimator, TestView Data)> Hiding { get; init; }

    /// <summary>The scores of <see cref="Data"/>'s rows by a prediction engine, each as an array of the outputs. Null for sequence scorers.</summary>
    internal Func<MLContext, ITransformer, int, IReadOnlyList<object[]>>? Engine { get; init; }

    /// <summary>Whether fitting reads the data at all.</summary>
    internal bool ReadsData { get; init; } = true;

    /// <summary>
    /// The parameters of a model whose network is made of TorchSharp's own modules. For each that was ever made, <c>Tensor.TotalCount</c> stays one higher, though its memory is freed.
    /// </summary>
    internal int CountedParameters { get; init; }

    /// <summary>The options to train with. Null where there is no training.</summary>
    internal Func<TrainingOptions>? Options { get; init; }

    /// <summary>Makes the estimator with options that <see cref="Options"/> made.</summary>
    internal Func<MLContext, TrainingOptions, IEstimator<ITransformer>>? CreateWith { get; init; }

    /// <summary>Whether the scores are what somebody's own function says, infinities among them.</summary>
    internal bool GivesInfinity { get; init; }

    /// <summary>The options of an estimator that does not train in epochs. Null where <see cref="Options"/> are the options, or where there are none.</summary>
    internal Func<object>? OtherOptions { get; init; }

    /// <summary>Makes the estimator with options that <see cref="OtherOptions"/> made.</summary>
    internal Func<MLContext, object, IEstimator<ITransformer>>? CreateWithOther { get; init; }

    /// <summary>The options, of whatever kind.</summary>
    internal Func<object>? AnyOptions => Options ?? OtherOptions;

    /// <summary>Makes the estimator with options that <see cref="AnyOptions"/> made.</summary>
    internal Func<MLContext, object, IEstimator<ITransformer>>? CreateWithOptions => CreateWith is { } create ? (ml, options) => create(ml, (TrainingOptions)options) : CreateWithOther;
    /// <summary>Whether the model can be written as ONNX.</summary>
    internal bool Exports { get; init; }

    /// <summary>What the refusal says where the model cannot be written as ONNX; null = it has not been tried.</summary>
    internal string? CannotExport { get; init; }

    /// <summary>The column that tells series apart; null = all rows are one.</summary>
    internal string? GroupColumn { get; init; }

    public override string ToString() => Name;
}
