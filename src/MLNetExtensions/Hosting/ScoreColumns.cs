using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetExtensions;

/// <summary>The columns that evaluators read, Score and PredictedLabel, with the annotations that ML.NET's own trainers give them: the promise and the delivery.</summary>
internal static class ScoreColumns
{
    internal const string Score = AnnotationUtils.Const.ScoreValueKind.Score;

    internal const string PredictedLabel = AnnotationUtils.Const.ScoreValueKind.PredictedLabel;

    /// <summary>The kinds of score, as the annotation ScoreColumnKind calls them.</summary>
    internal static class Kind
    {
        internal const string Regression = AnnotationUtils.Const.ScoreColumnKind.Regression;
        internal const string MultiOutputRegression = AnnotationUtils.Const.ScoreColumnKind.MultiOutputRegression;
        internal const string MulticlassClassification = AnnotationUtils.Const.ScoreColumnKind.MulticlassClassification;
        internal const string Clustering = AnnotationUtils.Const.ScoreColumnKind.Clustering;
        internal const string AnomalyDetection = AnnotationUtils.Const.ScoreColumnKind.AnomalyDetection;
    }

    /// <summary>The promise of a score of the given type.</summary>
    internal static SchemaShape.Column Promise(DataViewType type, bool hasSlotNames = false)
        => Column(Score, type, hasSlotNames
            ? AnnotationUtils.GetTrainerOutputAnnotation().Append(SchemaShapes.Column(SlotNames.Promise.Name, SlotNames.Promise.Type))
            : AnnotationUtils.GetTrainerOutputAnnotation());

    /// <summary>A score of the given type, for data of the given schema.</summary>
    internal static OutputColumn<float> Deliver(DataViewSchema inputSchema, DataViewType type, string kind, IReadOnlyList<string>? slotNames = null)
    {
        var annotations = Annotations(inputSchema, kind, AnnotationUtils.Const.ScoreValueKind.Score);
        if (slotNames is not null)
        {
            SlotNames.AddTo(annotations, slotNames);
        }
        return new(Score, type, annotations.ToAnnotations());
    }

    /// <summary>The promise of a classifier: PredictedLabel, a key with the values of the label, and Score, one slot per class. Without a label column the keys have no values.</summary>
    internal static IReadOnlyList<SchemaShape.Column> PromiseClasses(SchemaShape inputSchema, string? labelColumnName)
    {
        var label = Find(inputSchema, labelColumnName);
        var predicted = AnnotationUtils.GetTrainerOutputAnnotation();
        if (KeyValues(label) is { } values)
        {
            predicted = predicted.Append(values);
        }
        return
        [
            Column(PredictedLabel, new KeyDataViewType(typeof(uint), 1), predicted),
            Column(Score, new VectorDataViewType(NumberDataViewType.Single, 1), AnnotationUtils.AnnotationsForMulticlassScoreColumn(label)),
        ];
    }

    /// <summary>The promise of <see cref="ClassLabels.NumbersColumn"/>.</summary>
    internal static SchemaShape.Column PromiseNumbers(string name, SchemaShape inputSchema, string? labelColumnName)
    {
        var numbers = new VectorDataViewType(NumberDataViewType.Single, 1);
        return KeyValues(Find(inputSchema, labelColumnName)) is { ItemType: TextDataViewType } ? SchemaShapes.Column(name, numbers, SlotNames.Promise) : SchemaShapes.Column(name, numbers);
    }

    /// <summary>The columns of a classifier, for data of the given schema: the index 0 is PredictedLabel (uint), 1 is Score (float).</summary>
    internal static IReadOnlyList<OutputColumn> DeliverClasses(DataViewSchema inputSchema, KeyVocabulary labels, string kind = Kind.MulticlassClassification)
    {
        var predicted = Annotations(inputSchema, kind, AnnotationUtils.Const.ScoreValueKind.PredictedLabel);
        labels.AddTo(predicted);
        var score = Annotations(inputSchema, kind, AnnotationUtils.Const.ScoreValueKind.Score);
        if (labels.ValueType is TextDataViewType)
        {
            SlotNames.AddTo(score, labels.Values!);
        }
        labels.AddTo(score, AnnotationUtils.Kinds.TrainingLabelValues);
        return
        [
            new OutputColumn<uint>(PredictedLabel, new KeyDataViewType(typeof(uint), labels.Count), predicted.ToAnnotations()),
            new OutputColumn<float>(Score, new VectorDataViewType(NumberDataViewType.Single, (int)labels.Count), score.ToAnnotations()),
        ];
    }

    /// <summary>The promise of an anomaly detector: Score, and PredictedLabel, a Boolean.</summary>
    internal static IReadOnlyList<SchemaShape.Column> PromiseAnomaly()
        => [Promise(NumberDataViewType.Single), Column(PredictedLabel, BooleanDataViewType.Instance, AnnotationUtils.GetTrainerOutputAnnotation())];

    /// <summary>The columns of an anomaly detector, for data of the given schema: the index 0 is Score (float), 1 is PredictedLabel (bool).</summary>
    internal static IReadOnlyList<OutputColumn> DeliverAnomaly(DataViewSchema inputSchema)
        =>
        [
            Deliver(inputSchema, NumberDataViewType.Single, Kind.AnomalyDetection),
            new OutputColumn<bool>(PredictedLabel, BooleanDataViewType.Instance, Annotations(inputSchema, Kind.AnomalyDetection, AnnotationUtils.Const.ScoreValueKind.PredictedLabel).ToAnnotations()),
        ];

    /// <summary>Whether the shape of a schema promises slot names of the column.</summary>
    internal static bool HasSlotNames(SchemaShape schema, string name)
        => schema.TryFindColumn(name, out var column) && column.Kind == SchemaShape.Column.VectorKind.Vector
            && column.Annotations.TryFindColumn(AnnotationUtils.Kinds.SlotNames, out var names)
            && names.Kind == SchemaShape.Column.VectorKind.Vector && names.ItemType is TextDataViewType;

    private static SchemaShape.Column? Find(SchemaShape schema, string? name) => name is not null && schema.TryFindColumn(name, out var column) ? column : null;

    private static SchemaShape.Column? KeyValues(SchemaShape.Column? label) => label is { } column && column.Annotations.TryFindColumn(AnnotationUtils.Kinds.KeyValues, out var values) ? values : null;

    private static SchemaShape.Column Column(string name, DataViewType type, IEnumerable<SchemaShape.Column> annotations)
    {
        SchemaShape.GetColumnTypeShape(type, out var kind, out var item, out var isKey);
        return new(name, kind, item, isKey, new SchemaShape(annotations));
    }

    internal static DataViewSchema.Annotations.Builder Annotations(DataViewSchema inputSchema, string kind, string valueKind)
    {
        // One more than any set of scores that the data already holds.
        var id = inputSchema.GetMaxAnnotationKind(out _, AnnotationUtils.Kinds.ScoreColumnSetId) + 1;
        var builder = new DataViewSchema.Annotations.Builder();
        builder.Add(AnnotationUtils.Kinds.ScoreColumnSetId, AnnotationUtils.ScoreColumnSetIdType, (ref uint value) => value = id);
        builder.Add(AnnotationUtils.Kinds.ScoreColumnKind, TextDataViewType.Instance, (ref ReadOnlyMemory<char> value) => value = kind.AsMemory());
        builder.Add(AnnotationUtils.Kinds.ScoreValueKind, TextDataViewType.Instance, (ref ReadOnlyMemory<char> value) => value = valueKind.AsMemory());
        return builder;
    }
}
