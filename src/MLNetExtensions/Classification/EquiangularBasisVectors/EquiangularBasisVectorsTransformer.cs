using System.Runtime.InteropServices;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetExtensions;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

[assembly: SavedTransformer<EquiangularBasisVectorsTransformer>("Equiangular Basis Vectors Transformer", EquiangularBasisVectorsTransformer.LoaderName)]

namespace MLNetExtensions;

/// <summary>A classifier trained by <see cref="EquiangularBasisVectorsTrainer"/>.</summary>
public sealed class EquiangularBasisVectorsTransformer : FeatureScoringTransformer<EquiangularBasisVectorsTransformer>, ISavedTransformer<EquiangularBasisVectorsTransformer>
{
    internal const string LoaderName = "MLNetExtEbv";

    private static readonly ModelSignature s_signature = new("EBVCLASS", LoaderName);

    /// <summary>Takes the model over.</summary>
    internal EquiangularBasisVectorsTransformer(IHost host, EbvModel model, EbvInput input, ClassLabels labels, string labelColumnName, EbvOutputs outputs)
        : base(host)
    {
        Model = model;
        Input = input;
        Labels = labels;
        LabelColumnName = labelColumnName;
        Columns = outputs;
        Inputs = [EbvInput.Column(input.Name, input.Image, input.Size)];
    }

    static ModelSignature ISavedTransformer<EquiangularBasisVectorsTransformer>.ModelSignature => s_signature;

    /// <summary>The name of the feature column.</summary>
    public string FeatureColumnName => Input.Name;

    /// <summary>The name of the label column that the model was trained on.</summary>
    public string LabelColumnName { get; }

    /// <summary>The number of classes.</summary>
    public int NumberOfClasses => Labels.Count;

    /// <summary>The dimension of the embeddings and of the vectors of the classes.</summary>
    public int Dimension => Model.Shape.Dimension;

    /// <summary>What cosines are divided by before the softmax, calibration included.</summary>
    public double Temperature => Model.Fit.Temperature;

    /// <summary>The largest cosine below which a row is of no known class, so that its predicted label is missing; null where every row is of a known class.</summary>
    public double? UnknownThreshold => Model.Fit.Threshold;

    private protected override IEnumerable<(string Name, string Value)> Facts =>
    [
        ("classes", Html.Number((long)NumberOfClasses)),
        ("dimension", Html.Number((long)Dimension)),
        ("temperature", Html.Number(Temperature)),
        ("threshold of unknown classes", UnknownThreshold is { } threshold ? Html.Number(threshold) : "none"),
    ];

    internal EbvModel Model { get; }

    internal EbvInput Input { get; }

    internal ClassLabels Labels { get; }

    internal EbvOutputs Columns { get; }

    internal override ModelSignature Signature => s_signature;

    internal override IReadOnlyList<InputColumn> Inputs { get; }

    internal override string FeatureColumn => FeatureColumnName;

    internal override DataViewType FeatureType => new VectorDataViewType(NumberDataViewType.Single, Input.Size);

    internal override EquiangularBasisVectorsTransformer PredictionModel => this;

    internal override IReadOnlyList<OutputColumn> GetOutputs(DataViewSchema inputSchema)
    {
        EbvInput.CheckSize(Host, Inputs[0], inputSchema, Input.Image);
        return Columns.Deliver(inputSchema, Labels, Dimension, Model.Shape.Features);
    }

    internal override void WriteOnnx(OnnxScoring onnx) => EbvOnnx.Write(onnx, this);

    internal override BatchScorer CreateScorer(ScoringSchema schema) => new Scorer(this);

    internal override void Save(ModelWriter writer)
    {
        writer.Options(new SavedOptions(FeatureColumnName, LabelColumnName, Input.Image, Input.Scaler.Means, Input.Scaler.Deviations, Columns, Model.Saved));
        Labels.Save(writer);
        writer.Weights(Model.Weights);
    }

    static EquiangularBasisVectorsTransformer ISavedTransformer<EquiangularBasisVectorsTransformer>.Load(IHost host, ModelReader reader)
    {
        var options = reader.Options<SavedOptions>();
        var labels = ClassLabels.Load(reader);
        options.Check(labels);
        var input = new EbvInput(options.FeatureColumnName, options.Model.Shape.Inputs, options.Image, ColumnScaler.Read(options.Means, options.Deviations));
        var device = TrainingHost.Device(host);
        using var scope = NewDisposeScope();
        try
        {
            return new(host, EbvModel.Load(options.Model, reader.Weights(mayBeInfinite: name => options.Model.IsOwn(name) || EbvModel.IsOffsets(name)), labels.Count, device), input, labels, options.LabelColumnName, options.Columns);
        }
        catch (InvalidOperationException e)
        {
            throw host.Process(e);
        }
    }

    private protected override void DisposeCore() => Model.Dispose();

    /// <summary>What options.json holds.</summary>
    private sealed record SavedOptions(string FeatureColumnName, string LabelColumnName, ImageLayout? Image, IReadOnlyList<double> Means, IReadOnlyList<double> Deviations, EbvOutputs Columns, SavedEbvModel Model)
    {
        /// <exception cref="FormatException">The numbers do not fit together.</exception>
        internal void Check(ClassLabels labels)
        {
            var shape = Model.Shape;
            if (string.IsNullOrEmpty(FeatureColumnName) || string.IsNullOrEmpty(LabelColumnName) || (Means.Count != 1 && Means.Count != shape.Inputs) || (Image is null) != (shape.ConvNet is null)
                || (Image is not null && (Image.Height != shape.ConvNet!.Height || Image.Width != shape.ConvNet.Width || Image.Channels != shape.ConvNet.Channels)))
            {
                throw new FormatException("The options describe no classifier.");
            }
            Columns.Check(labels.Count);
        }
    }

    private sealed class Scorer(EquiangularBasisVectorsTransformer model) : BatchScorer
    {
        private readonly int _top = model.Columns.IndexOf(EbvOutputs.TopLabels);
        private readonly int _embedding = model.Columns.IndexOf(model.Columns.Embedding);
        private readonly int _trunkFeatures = model.Columns.IndexOf(model.Columns.Features);
        private readonly int _angle = model.Columns.IndexOf(model.Columns.Angle);
        private readonly List<int> _rows = [];

        internal override void Score(ScoringBatch batch)
        {
            var features = batch.Input<float>(0);
            _rows.Clear();
            for (var row = 0; row < batch.Count; row++)
            {
                if (TensorPrimitives.IsFiniteAll<float>(features[row]))
                {
                    _rows.Add(row);
                }
            }
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            var trained = model.Model;
            Tensor? f = null, e = null;
            if (_rows.Count > 0)
            {
                try
                {
                    f = trained.Network.Trunk.Forward(Read(features).to(trained.Network.Device), training: false);
                }
                catch (InvalidOperationException exception)
                {
                    throw model.Host.Process(exception);
                }
                e = EbvModule.Normalize(trained.Network.Raw(f));
            }
            if (_embedding >= 0 && batch.IsActive(_embedding))
            {
                Write(e, batch, _embedding, model.Dimension);
            }
            if (_trunkFeatures >= 0 && batch.IsActive(_trunkFeatures))
            {
                Write(f is null ? null : EbvModule.Normalize(f), batch, _trunkFeatures, trained.Shape.Features);
            }
            var cosines = e is not null && (model.Columns.Scores || (_angle >= 0 && batch.IsActive(_angle))) ? trained.Table.Cosines(e) : null;
            if (_angle >= 0 && batch.IsActive(_angle))
            {
                Write(cosines is null ? null : ClassTable.Angles(cosines), batch, _angle, model.NumberOfClasses);
            }
            if (model.Columns.Scores)
            {
                WriteScores(cosines, batch);
            }
            else
            {
                WriteBest(e is null ? null : trained.Table.Top(e, model.Temperature, Math.Max(1, model.Columns.Top)), batch);
            }
        }

        private Tensor Read(RowBuffer<float> features)
        {
            var size = model.Input.Size;
            var x = empty(_rows.Count, size, dtype: ScalarType.Float32, device: CPU);
            var memory = MemoryMarshal.Cast<byte, float>(x.bytes);
            for (var i = 0; i < _rows.Count; i++)
            {
                model.Input.Write(features[_rows[i]], memory.Slice(i * size, size));
            }
            GC.KeepAlive(x);
            return x;
        }

        /// <summary>Writes the rows that could be scored; NaN into the others.</summary>
        private void Write(Tensor? values, ScoringBatch batch, int output, int width)
        {
            var target = batch.Output<float>(output).AddRows(batch.Count);
            Spread(values, target, batch.Count, width);
        }

        private void Spread(Tensor? values, Span<float> target, int count, int width)
        {
            if (_rows.Count < count)
            {
                target.Fill(float.NaN);
            }
            if (values is null)
            {
                return;
            }
            var host = values.cpu().contiguous();
            var source = MemoryMarshal.Cast<byte, float>(host.bytes);
            for (var i = 0; i < _rows.Count; i++)
            {
                source.Slice(i * width, width).CopyTo(target.Slice(_rows[i] * width, width));
            }
            GC.KeepAlive(host);
        }

        private void WriteScores(Tensor? values, ScoringBatch batch)
        {
            var classes = model.NumberOfClasses;
            var cosines = new float[batch.Count * classes];
            Spread(values, cosines, batch.Count, classes);
            var logits = new float[cosines.Length];
            TensorPrimitives.Multiply(cosines, (float)(1 / model.Temperature), logits);
            model.Labels.Write(logits, batch);
            var labels = batch.Output<uint>(0);
            for (var row = 0; row < batch.Count; row++)
            {
                var label = labels[row];
                if (label[0] > 0 && cosines[row * classes + (int)label[0] - 1] < model.UnknownThreshold)
                {
                    label[0] = 0;
                }
            }
            if (_top >= 0)
            {
                WriteTop(cosines, batch);
            }
        }

        private void WriteTop(ReadOnlySpan<float> cosines, ScoringBatch batch)
        {
            var (k, classes) = (model.Columns.Top, model.NumberOfClasses);
            var labels = batch.Output<uint>(_top).AddRows(batch.Count);
            var scores = batch.Output<float>(_top + 1).AddRows(batch.Count);
            var (best, worst) = (new int[k], new float[k]);
            for (var row = 0; row < batch.Count; row++)
            {
                var probabilities = batch.Output<float>(1)[row];
                var filled = 0;
                ClassTable.Search(cosines.Slice(row * classes, classes), 0, best, worst, ref filled);
                for (var i = 0; i < k; i++)
                {
                    labels[row * k + i] = i < filled ? (uint)best[i] + 1 : 0;
                    scores[row * k + i] = i < filled ? probabilities[best[i]] : float.NaN;
                }
            }
        }

        private void WriteBest(TopClasses? best, ScoringBatch batch)
        {
            var k = Math.Max(1, model.Columns.Top);
            var labels = batch.Output<uint>(0).AddRows(batch.Count);
            labels.Clear();
            var topLabels = _top < 0 ? [] : batch.Output<uint>(_top).AddRows(batch.Count);
            var topScores = _top < 0 ? [] : batch.Output<float>(_top + 1).AddRows(batch.Count);
            topLabels.Clear();
            topScores.Fill(float.NaN);
            for (var i = 0; i < _rows.Count; i++)
            {
                var row = _rows[i];
                labels[row] = best!.Cosines[i * k] < model.UnknownThreshold ? 0 : (uint)(best.Classes[i * k] + 1);
                for (var j = 0; j < k && _top >= 0; j++)
                {
                    topLabels[row * k + j] = (uint)(best.Classes[i * k + j] + 1);
                    topScores[row * k + j] = best.Probabilities[i * k + j];
                }
            }
        }
    }
}
