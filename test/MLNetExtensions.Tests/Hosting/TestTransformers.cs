using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace MLNetExtensions.Tests;

/// <summary>Centered = value − the mean over what <see cref="Reach"/> says; counts how often it is made to score.</summary>
internal sealed class MeanTransformer(IHostEnvironment env, SequenceReach reach) : SequenceScoringTransformer(env.Register(nameof(MeanTransformer)))
{
    private int _scorers;
    private int _disposed;

    internal int Scorers => _scorers;

    internal int DisposedScorers => _disposed;

    internal override SequenceReach Reach => reach;

    internal override ModelSignature Signature => throw new NotSupportedException();

    internal override IReadOnlyList<InputColumn> Inputs { get; } = [new InputColumn<float>("Value", "value", InputTypes.Number, InputShapes.Scalar)];

    internal override IReadOnlyList<OutputColumn> GetOutputs(DataViewSchema inputSchema)
        => [new OutputColumn<float>("Centered", NumberDataViewType.Single), new OutputColumn<float>("Both", new VectorDataViewType(NumberDataViewType.Single, 2))];

    internal override BatchScorer CreateScorer(ScoringSchema schema)
    {
        Interlocked.Increment(ref _scorers);
        return new Scorer(this);
    }

    internal override void Save(ModelWriter writer) => throw new NotSupportedException();

    private protected override void DisposeCore()
    {
    }

    private sealed class Scorer(MeanTransformer model) : BatchScorer
    {
        private double _sum;
        private long _count;

        internal override void Score(ScoringBatch batch)
        {
            var values = batch.Input<float>(0).Values;
            if (model.Reach != SequenceReach.Past)
            {
                foreach (var value in values)
                {
                    _sum += value;
                    _count++;
                }
            }
            foreach (var value in values)
            {
                if (model.Reach == SequenceReach.Past)
                {
                    _sum += value;
                    _count++;
                }
                var centered = (float)(value - _sum / _count);
                if (batch.IsActive(0))
                {
                    batch.Output<float>(0).Add(1)[0] = centered;
                }
                if (batch.IsActive(1))
                {
                    var both = batch.Output<float>(1).Add(2);
                    (both[0], both[1]) = (value, centered);
                }
            }
        }

        public override void Dispose() => Interlocked.Increment(ref model._disposed);
    }
}

/// <summary>Hands each batch to a function and scores the number of the row in its batch.</summary>
internal sealed class ProbeTransformer(IHostEnvironment env, IReadOnlyList<InputColumn> inputs, Action<ScoringBatch> look) : RowScoringTransformer(env.Register(nameof(ProbeTransformer)))
{
    internal override ModelSignature Signature => throw new NotSupportedException();

    internal override IReadOnlyList<InputColumn> Inputs => inputs;

    internal override IReadOnlyList<OutputColumn> GetOutputs(DataViewSchema inputSchema) => [new OutputColumn<int>("InBatch", NumberDataViewType.Int32)];

    internal override BatchScorer CreateScorer(ScoringSchema schema) => new Scorer(look);

    internal override void Save(ModelWriter writer) => throw new NotSupportedException();

    private protected override void DisposeCore()
    {
    }

    private sealed class Scorer(Action<ScoringBatch> look) : BatchScorer
    {
        internal override void Score(ScoringBatch batch)
        {
            look(batch);
            for (var row = 0; row < batch.Count; row++)
            {
                batch.Output<int>(0).Add(1)[0] = row;
            }
        }
    }
}

/// <summary>A column type that nobody knows: its values cannot be copied.</summary>
internal sealed class HandleType() : StructuredDataViewType(typeof(HandleType.Handle))
{
    internal static HandleType Instance { get; } = new();

    public override bool Equals(DataViewType? other) => other is HandleType;

    public override int GetHashCode() => 1;

    internal sealed record Handle(int Row);
}
